from jarvisd.bus import Bus
from jarvisd.events import ListeningChanged


def heard(number: int) -> ListeningChanged:
    return ListeningChanged(listening=True, detail=str(number))


async def test_every_subscriber_gets_every_event_in_order():
    bus = Bus()
    with bus.subscribe("a") as a, bus.subscribe("b") as b:
        bus.publish(heard(1))
        bus.publish(heard(2))
        assert [await anext(a), await anext(a)] == [heard(1), heard(2)]
        assert await anext(b) == heard(1)


async def test_a_slow_subscriber_loses_the_oldest_and_it_is_counted():
    bus = Bus()
    with bus.subscribe("slow", size=2) as slow:
        for number in range(5):
            bus.publish(heard(number))
        assert [await anext(slow), await anext(slow)] == [heard(3), heard(4)]
        assert bus.dropped() == {"slow": 3}
    assert bus.dropped() == {}
