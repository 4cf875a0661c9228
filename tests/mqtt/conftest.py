from tests.fakes.broker import absent_broker, broker

__all__ = ["absent_broker", "broker"]
