import asyncio

from jarvisd.mqtt.outbox import PASSING_SIZE, Outbox


class Clock:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


def drain(outbox):
    """Takes everything that can be taken, as (topic, payload)."""
    taken = []
    while (message := outbox.head()) is not None:
        taken.append((message.topic, message.payload))
        outbox.done(message)
    return taken


def test_messages_leave_in_their_order_and_only_when_done():
    outbox = Outbox(10, 60)
    outbox.keep("answer", b"1")
    outbox.pass_on("piece", b"2", qos=0)
    outbox.keep("answer", b"3")

    head = outbox.head()
    assert outbox.head() is head
    assert outbox.waiting == 2
    assert drain(outbox) == [("answer", b"1"), ("piece", b"2"), ("answer", b"3")]
    assert (outbox.waiting, outbox.dropped, outbox.expired) == (0, 0, 0)


def test_too_many_answers_push_out_the_oldest():
    outbox = Outbox(2, 60)
    outbox.pass_on("piece", b"0", qos=0)
    for payload in (b"1", b"2", b"3"):
        outbox.keep("answer", payload)
    assert (outbox.waiting, outbox.dropped) == (2, 1)
    assert drain(outbox) == [("piece", b"0"), ("answer", b"2"), ("answer", b"3")]


def test_passing_messages_push_out_no_answer():
    outbox = Outbox(1, 60)
    outbox.keep("answer", b"kept")
    for number in range(PASSING_SIZE + 5):
        outbox.pass_on("piece", str(number).encode(), qos=0)
    sent = drain(outbox)
    assert sent[0] == ("answer", b"kept")
    assert [payload for _, payload in sent[1:]] == [str(number).encode() for number in range(5, PASSING_SIZE + 5)]
    assert outbox.dropped == 0


def test_old_answers_are_not_sent_any_more():
    clock = Clock()
    outbox = Outbox(10, 60, now=clock)
    outbox.keep("answer", b"old")
    clock.now_s = 50
    outbox.keep("answer", b"young")
    outbox.pass_on("piece", b"ageless", qos=0)
    clock.now_s = 61
    assert drain(outbox) == [("answer", b"young"), ("piece", b"ageless")]
    assert (outbox.expired, outbox.dropped) == (1, 0)


def test_passing_messages_do_not_survive_a_loss():
    outbox = Outbox(10, 60)
    outbox.keep("answer", b"1")
    outbox.pass_on("piece", b"2", qos=1)
    outbox.drop_passing()
    assert drain(outbox) == [("answer", b"1")]


def test_of_a_retained_topic_only_the_latest_value_is_sent_and_first():
    outbox = Outbox(10, 60)
    outbox.keep("answer", b"1")
    outbox.retain("state", b"a")
    outbox.retain("state", b"b")
    assert outbox.head().retained
    assert drain(outbox) == [("state", b"b"), ("answer", b"1")]

    outbox.retain("state", b"b")
    assert drain(outbox) == []
    outbox.renew()
    assert drain(outbox) == [("state", b"b")]


def test_a_value_that_changes_while_it_is_sent_is_sent_again():
    outbox = Outbox(10, 60)
    outbox.retain("state", b"a")
    sending = outbox.head()
    outbox.retain("state", b"b")
    outbox.done(sending)
    assert drain(outbox) == [("state", b"b")]


def test_an_answer_that_is_pushed_out_while_it_is_sent_takes_no_other_with_it():
    outbox = Outbox(1, 60)
    outbox.keep("answer", b"1")
    sending = outbox.head()
    outbox.keep("answer", b"2")
    outbox.done(sending)
    assert drain(outbox) == [("answer", b"2")]


async def test_the_next_message_can_be_waited_for():
    outbox = Outbox(10, 60)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(outbox.next())
        await asyncio.sleep(0)
        assert not waiting.done()
        outbox.keep("answer", b"1")
    assert waiting.result().payload == b"1"
