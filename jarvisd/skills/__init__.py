"""What the daemon can do without any model: time, timers, alarms, reminders, volume and a few more."""
