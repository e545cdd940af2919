"""Sentences about plans: both languages, counts, lists, and their parameters for machines."""

from __future__ import annotations

from intendance.language.texts import translator
from intendance.plan.problems import dotted
from intendance.plan.saying import DOMAIN, Quantity, Said, counted, plain, quoted, say

FRENCH = translator("fr", DOMAIN)


def test_a_sentence_is_written_in_either_language_with_what_fills_it() -> None:
    said = say("`{name}` does not stand under {places}", name="x", places=quoted(["contacts", "providers"]))
    assert str(said) == "`x` does not stand under `contacts` or `providers`"
    assert said.write(FRENCH) == "`x` ne se trouve pas sous `contacts` ou `providers`"
    assert plain(said.params) == {"name": "x", "places": ["contacts", "providers"]}


def test_a_sentence_inside_another_is_written_in_the_same_language() -> None:
    inner = say("add `{name}` under `{section}`", name="x", section="contacts")
    said = say("write `{meant}`, or {add}", meant="y", add=inner)
    assert str(said) == "write `y`, or add `x` under `contacts`"
    assert said.write(FRENCH) == "écrivez `y`, ou ajoutez `x` sous `contacts`"
    assert plain(said.params) == {"meant": "y", "name": "x", "section": "contacts"}


def test_a_quantity_is_named_to_people_and_coded_for_machines() -> None:
    said = say("{rule} allows {bound} at most ({quantity})", rule="R", bound="1d", quantity=Quantity("backup.age_max"))
    assert str(said) == "R allows 1d at most (age of the newest backup)"
    assert "(âge de la dernière sauvegarde)" in said.write(FRENCH)
    assert plain(said.params)["quantity"] == "backup.age_max"


def test_a_count_chooses_the_form_and_is_written_as_the_language_does() -> None:
    def told(days: int) -> Said:
        return counted(
            "the key in `{file}` expires on {day}, in {n} day",
            "the key in `{file}` expires on {day}, in {n} days",
            days,
            file="k",
            day="2027-01-01",
        )

    assert str(told(1)).endswith("in 1 day")
    assert str(told(1200)).endswith("in 1,200 days")
    assert told(1).write(FRENCH).endswith("dans 1 jour")
    assert told(1200).write(FRENCH).endswith("dans 1\u202f200 jours")


def test_a_sentence_without_parameters_may_hold_braces() -> None:
    said = say("align it with the options around it, or close the `{` or `[` before it")
    assert "`{`" in str(said)
    assert "`{`" in said.write(FRENCH)


def test_what_fills_a_sentence_is_masked_wherever_it_stands() -> None:
    inner = say("write `{example}`", example="secret")
    said = say("{write} and put the secret there", write=inner).masked(lambda text: text.replace("secret", "•"))
    assert str(said) == "write `•` and put the secret there"


def test_a_text_that_nobody_translated_stays_english() -> None:
    assert say("nobody translated `{this}`", this="x").write(FRENCH) == "nobody translated `x`"


def test_a_place_is_written_as_people_do() -> None:
    assert dotted(("assets", "db", "backup", "stores", 0)) == "assets.db.backup.stores[0]"
    assert dotted(()) == ""
