from jarvisd.routing.features import (
    ALL,
    END,
    END_WORDS,
    HEAD,
    LAST,
    LOOKS,
    MOST_WORDS,
    TAIL,
    grams,
    look_at,
    pieces,
    plain_words,
    seen,
)  # fmt: skip


def test_case_accents_and_punctuation_are_gone():
    assert plain_words("¿Qué HORA es, Señor?") == ["que", "hora", "es", "senor"]


def test_numbers_are_alike_whether_said_or_written():
    assert plain_words("pon cinco minutos") == plain_words("pon 5 minutos") == ["pon", "#", "minutos"]
    assert plain_words("at 7pm") == ["at", "#pm"]


def test_courtesies_at_both_ends_are_gone_but_not_between():
    assert plain_words("oye jarvis enciende la luz por favor gracias") == ["enciende", "la", "luz"]
    assert plain_words("say please to him") == ["say", "please", "to", "him"]


def test_nothing_but_courtesies_stays():
    assert plain_words("hola") == ["hola"]


def test_a_text_without_words_shows_nothing():
    assert [list(seen(text)) for text in ("", "   ", "🎉🎉", "¿?!…", "_")] == [[]] * 5


def test_of_a_long_text_both_ends_are_read():
    words = plain_words(" ".join(f"w{letter}" for letter in "abcdefghij" * 500) + " fin")
    assert len(words) == MOST_WORDS
    assert (words[0], words[-1]) == ("wa", "fin")


def test_a_text_without_blanks_costs_no_more():
    assert len(plain_words("a" * 1_000_000)[0]) <= 24


def test_rambling_before_a_question_leaves_the_look_at_its_end():
    question = "which of them has the longest tail"
    rambling = "my sister came over yesterday and we sat in the garden " * 3
    assert len(question.split()) == END_WORDS
    assert grams(look_at(plain_words(rambling + question), END)) == grams(look_at(plain_words(question), END))


def test_each_look_has_the_same_length_however_long_the_text():
    for text in ("pon jazz", "pon jazz " * 40):
        sizes = [sum(share**2 for look, _, share in seen(text) if look == one) for one in LOOKS]
        # Words and pieces each count one; the looks at the end and the beginning see no pieces.
        assert [round(sizes[look], 6) for look in (ALL, TAIL, END, LAST, HEAD)] == [2, 2, 1, 1, 1]


def test_pieces_know_the_ends_of_a_word():
    assert pieces("luz") == ["<lu", "luz", "uz>", "<luz", "luz>", "<luz>"]
