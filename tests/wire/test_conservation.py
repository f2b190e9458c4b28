"""Every record is selected, ignored or rejected, whatever the bytes; and good records survive bad company."""

import gzip
import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from detectors.catalogue import CATALOGUE
from grantwatch.detection.index import Index
from grantwatch.detection.routes import Selection
from grantwatch.wire.envelope import decode
from grantwatch.wire.json_views import dump, materialise
from tests.strategies import mutated, record_like, stable
from tests.world import account_sas, body_of, disk_access, ordinary_read, run, sas_read

REAL = body_of([ordinary_read(1), *disk_access(), sas_read(2), *account_sas(), ordinary_read(3)])


@stable(280)
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_any_bytes_at_all_keep_the_books_balanced(bodies: list[bytes]) -> None:
    assert run(*bodies).is_balanced


@stable(280)
@given(st.text(alphabet='{}[]",:\\ \n\r\t01eE.-+truefalsn/u\u2028\x00records', max_size=120))
def test_any_text_of_json_characters_keeps_the_books_balanced(text: str) -> None:
    assert run(text.encode()).is_balanced


@stable(350)
@given(mutated(REAL))
def test_a_mutated_envelope_keeps_the_books_balanced(body: bytes) -> None:
    result = run(body, finish=True)

    assert result.is_balanced
    assert result.tally.rejected == 0 or result.parked


@stable(80)
@given(mutated(gzip.compress(REAL, mtime=0)))
def test_a_mutated_gzip_body_keeps_the_books_balanced(body: bytes) -> None:
    assert run(body).is_balanced


@stable(70)
@given(record_like())
def test_record_like_objects_keep_the_books_balanced(records: list[dict[str, Any]]) -> None:
    result = run(json.dumps({"records": records}).encode(), finish=True)

    assert result.is_balanced
    assert result.tally.records == len(records)


_garbage = st.lists(
    st.text(alphabet=st.characters(exclude_characters="\n\r", codec="utf-8"), min_size=1, max_size=40)
    .map(str.encode)
    .filter(lambda line: bool(line.strip()))
    | st.binary(min_size=1, max_size=40).filter(lambda line: b"\n" not in line and bool(line.strip())),
    min_size=1,
    max_size=4,
)


@stable(140)
@given(_garbage, st.randoms(use_true_random=False))
@example([b"["], None)
@example([b'{"records":['], None)
@example([b'"'], None)
@example([b"'"], None)
@example([b"\x1f\x8b"], None)
@example([b'{"properties":{"note":"cut he'], None)
@example([b'{"properties":{"note":"cut he', b'{"properties":{"note":"again'], None)
def test_good_records_beside_garbage_lines_are_all_selected(garbage: list[bytes], random: Any) -> None:
    """After the first line, because a body that begins with neither brace nor bracket is not JSON at all."""
    good = [json.dumps(record).encode() for record in (sas_read(1), sas_read(2), *disk_access())]
    lines = good[1:] + garbage
    if random is not None:
        random.shuffle(lines)

    result = run(b"\n".join([good[0], *lines]))

    assert result.is_balanced
    assert result.tally.selected >= len(good)


@stable(140)
@given(mutated(body_of([ordinary_read()])))
def test_a_mutated_body_costs_the_other_bodies_of_its_batch_nothing(body: bytes) -> None:
    alone, together = run(body), run(REAL, body, REAL)

    assert together.is_balanced
    assert together.tally.records == alone.tally.records + 2 * run(REAL).tally.records
    assert together.tally.selected == alone.tally.selected + 2 * run(REAL).tally.selected


def _selected(selection: Selection) -> tuple[list[tuple[str, str]], int, list[bytes]]:
    chosen = [
        (json.dumps(materialise(record), sort_keys=True), ",".join(each.name for each in route.detectors))
        for route, record in selection.chosen
    ]
    return chosen, selection.ignored, [dump(stray) for stray in selection.strays]


@stable(110)
@given(record_like())
def test_lazy_views_select_what_dictionaries_select(records: list[dict[str, Any]]) -> None:
    body = json.dumps({"records": records}).encode()
    views = Index(CATALOGUE).select(decode(body).records)
    dictionaries = Index(CATALOGUE).select(json.loads(body)["records"])

    assert _selected(views) == _selected(dictionaries)


@stable(70)
@given(record_like())
def test_what_is_selected_does_not_depend_on_what_came_before(records: list[dict[str, Any]]) -> None:
    learned = Index(CATALOGUE)
    for _ in range(2):
        learned.select(records)

    assert len(learned.select(records).chosen) == sum(len(Index(CATALOGUE).select([each]).chosen) for each in records)


def test_an_index_that_has_learned_every_spelling_it_may_still_selects() -> None:
    index = Index(CATALOGUE)
    index.select([{"operationName": f"Noise{number}", "identity": {"type": "SAS"}} for number in range(10_000)])
    index.select([{"operationName": "GetBlob", "identity": {"type": f"Noise{number}"}} for number in range(10_000)])

    assert len(index.select([sas_read(), *disk_access()]).chosen) == 4
