"""Keys from outside are read as they are written, wrap others, and say what is wrong with them."""

import base64
from dataclasses import replace

import pytest

from engine.errors import InvalidInput
from storage.keyring import KeyRing, NoKey, Sealed, WrongKey, fingerprint_id, needed, new_key, seal, unseal

ONE, OTHER = bytes(range(32)), bytes(range(100, 132))


def text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def test_a_bare_key_gets_an_id_made_of_it_which_does_not_tell_it() -> None:
    ring = KeyRing.parse(f" {text(ONE)}\n")
    assert ring.ids == (ring.current,) == (fingerprint_id(ONE),)
    assert ring.ids == KeyRing.parse(text(ONE)).ids != KeyRing.parse(text(OTHER)).ids


@pytest.mark.parametrize("between", [",", ", ", "\n", ",\n\n"])
def test_several_keys_have_ids_and_the_first_is_the_current_one(between: str) -> None:
    ring = KeyRing.parse(f"2026-11:{text(ONE)}{between}old:{text(OTHER)}")
    assert (ring.current, ring.ids) == ("2026-11", ("2026-11", "old"))


@pytest.mark.parametrize(
    "written", [text(ONE), text(ONE).rstrip("="), base64.urlsafe_b64encode(b"\xfb" * 32).decode()], ids=str
)
def test_a_key_may_be_written_as_the_usual_tools_write_it(written: str) -> None:
    assert KeyRing.parse(written).current == KeyRing.parse(f"{written},").current


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "no encryption key"),
        (" , \n", "no encryption key"),
        (text(ONE[:16]), "one has 16"),
        (text(ONE + ONE), "one has 64"),
        ("not base64!", "not base64"),
        ("钥匙", "not base64"),
        (f"a:{text(ONE)},a:{text(OTHER)}", "Two encryption keys have the id a"),
        (f"a b:{text(ONE)}", "The id of an encryption key"),
        (f":{text(ONE)}", "The id of an encryption key"),
    ],
)
def test_what_is_no_key_is_refused_without_being_repeated(given: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as refused:
        KeyRing.parse(given)
    for key in (ONE, OTHER):
        assert text(key)[:12] not in refused.value.message


def test_a_ring_shows_the_ids_and_no_key() -> None:
    ring = KeyRing({"a": ONE})
    assert repr(ring) == "KeyRing(a)"


def test_a_ring_is_written_as_it_is_read() -> None:
    ring = KeyRing.parse(f"a:{text(ONE)}").with_current(OTHER)
    again = KeyRing.parse(ring.to_text())
    assert again.ids == ring.ids == (fingerprint_id(OTHER), "a")
    assert again.only_current().ids == (fingerprint_id(OTHER),)


def test_a_key_comes_back_as_it_was_wrapped() -> None:
    ring, key = KeyRing({"a": ONE, "b": OTHER}), new_key()
    wrapped = ring.wrap(key, "here")
    assert wrapped.kek_id == "a"
    assert key not in wrapped.data
    assert ring.unwrap(wrapped, "here") == key
    assert KeyRing({"b": OTHER, "a": ONE}).unwrap(wrapped, "here") == key


def test_the_same_key_is_never_wrapped_alike() -> None:
    ring = KeyRing({"a": ONE})
    assert ring.wrap(OTHER, "here") != ring.wrap(OTHER, "here")


def test_a_key_moved_or_changed_is_not_unwrapped() -> None:
    ring = KeyRing({"a": ONE})
    wrapped = ring.wrap(OTHER, "here")
    with pytest.raises(WrongKey):
        ring.unwrap(wrapped, "there")
    for place in (0, len(wrapped.data) - 1):
        changed = bytearray(wrapped.data)
        changed[place] ^= 1
        with pytest.raises(WrongKey):
            ring.unwrap(replace(wrapped, data=bytes(changed)), "here")
    with pytest.raises(WrongKey):
        KeyRing({"a": OTHER}).unwrap(wrapped, "here")


def test_a_key_under_one_that_is_not_given_is_named() -> None:
    wrapped = KeyRing({"a": ONE}).wrap(OTHER, "here")
    with pytest.raises(WrongKey, match="encryption key a is needed") as error:
        KeyRing({"b": OTHER}).unwrap(wrapped, "here")
    assert error.value.facts == {"key_id": "a", "given": ["b"]}


@pytest.mark.parametrize("data", [b"", b"x", b"x" * 100])
@pytest.mark.parametrize("nonce", [b"", b"n" * 12])
def test_what_was_never_sealed_is_not_opened(nonce: bytes, data: bytes) -> None:
    with pytest.raises(WrongKey):
        unseal(ONE, Sealed(nonce, data), "here")


def test_a_text_of_any_script_is_sealed_and_opened() -> None:
    assert unseal(ONE, seal(ONE, "密钥 🔑".encode(), "组织"), "组织").decode() == "密钥 🔑"


def test_keys_of_one_id_are_told_apart_by_their_check_value() -> None:
    one, other = KeyRing({"a": ONE}), KeyRing({"a": OTHER})
    assert one.check_value("a") != other.check_value("a")
    assert one.check_value("a") == KeyRing({"b": OTHER, "a": ONE}).check_value("a")


def test_without_a_ring_the_need_for_one_is_said() -> None:
    with pytest.raises(NoKey, match="encryption key"):
        needed(None)
