"""What the daemon can do without any model: time, timers, alarms, reminders, volume and a few more."""

from jarvisd.skills.command import Command
from jarvisd.skills.skills import Skills

__all__ = ["Command", "Skills"]
