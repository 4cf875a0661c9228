"""What the daemon can do without a model."""

from __future__ import annotations

from jarvisd.config.section import Section, Texts, key


class SkillsConfig(Section):
    """What is answered and done without any model: time, timers, alarms, reminders, volume."""

    snooze_s: float = key(540.0, "A snoozed alarm rings again after so long.", live=True, ge=60, le=3600)
    volume_step_percent: int = key(10, "How much louder or quieter, where no number is said.", live=True, ge=1, le=100)
    volume_set: Texts = key(
        (),
        "The program that sets the volume, and its arguments; {percent} is replaced. Empty: the volume cannot be set. "
        'ALSA: ["amixer", "-q", "sset", "Master", "{percent}%"]; '
        'PipeWire: ["wpctl", "set-volume", "@DEFAULT_AUDIO_SINK@", "{percent}%"].',
        live=True,
    )
    volume_up: Texts = key((), 'Louder by {percent}: ["amixer", "-q", "sset", "Master", "{percent}%+"].', live=True)
    volume_down: Texts = key((), 'Quieter by {percent}: ["amixer", "-q", "sset", "Master", "{percent}%-"].', live=True)
    volume_mute: Texts = key((), 'No sound: ["amixer", "-q", "sset", "Master", "mute"].', live=True)
    volume_unmute: Texts = key((), 'Sound again: ["amixer", "-q", "sset", "Master", "unmute"].', live=True)
