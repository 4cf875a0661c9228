"""MQTT: the connection (`link`), what is said where (`topics`, `payloads`), and who says it (`bridge`)."""
