import itertools

import pytest

from jarvisd.llm.sse import MAX_EVENT_BYTES, EventStream, TooLong

STREAM = (
    ': a comment\r\nevent: message\r\ndata: {"a": "ñandú"}\r\n\r\ndata:one\ndata: two\n\nretry: 5\rdata: [DONE]\r\r'
).encode()
EVENTS = ['{"a": "ñandú"}', "one\ntwo", "[DONE]"]


def received(pieces) -> list[str]:
    stream = EventStream()
    return [event for piece in pieces for event in stream.feed(piece)] + stream.end()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_events_come_out_whole_however_the_bytes_are_cut(size):
    assert received(STREAM[i : i + size] for i in range(0, len(STREAM), size)) == EVENTS


def test_every_single_cut_gives_the_same_events():
    for cut in range(len(STREAM)):
        assert received([STREAM[:cut], STREAM[cut:]]) == EVENTS


def test_events_are_given_as_soon_as_they_are_complete():
    stream = EventStream()
    assert stream.feed(b"data: 1\n") == []
    assert stream.feed(b"\ndata: 2") == ["1"]
    assert stream.feed(b"\n\n") == ["2"]


def test_the_end_of_the_stream_completes_a_last_event():
    assert received([b"data: [DONE]"]) == ["[DONE]"]
    assert received([b"data: [DONE]\n"]) == ["[DONE]"]


def test_comments_alone_are_no_event():
    assert received([b": ping\n\n"] * 5) == []


@pytest.mark.parametrize("piece", [b"x" * 10_000, b"data: " + b"x" * 10_000 + b"\n"])
def test_an_event_without_end_is_given_up(piece):
    stream = EventStream()
    with pytest.raises(TooLong):
        for _ in itertools.repeat(None, MAX_EVENT_BYTES // len(piece) + 2):
            stream.feed(piece)


def test_bytes_that_are_no_text_are_told():
    with pytest.raises(UnicodeDecodeError):
        EventStream().feed(b"data: \xff\n\n")
