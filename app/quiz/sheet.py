"""A face with all that the questions work out of it, each when it is asked for."""

from __future__ import annotations

from functools import cached_property
from weakref import WeakKeyDictionary, ref

from torch import Tensor

from app.session import Model, Shown
from latentface.codes import Codes
from latentface.explain.dimming import Dimming, dimmed
from latentface.explain.known_people import Again, KnownPeople, Neighbours, again, known_people, neighbours
from latentface.explain.looked_again import expression_alike, identity_alike, lender_and_others
from latentface.explain.turning import Turning, turned
from latentface.explain.untold import Hasty, Untold, hasty, untold
from latentface.gallery import map_features
from latentface.swap_numbers import signature

CANDIDATES = 3
"""Faces among which the owner of an expression is looked for."""
STRONG = 2.0
"""How strongly an expression is put on where it is asked whom the result looks like."""
_known: WeakKeyDictionary[Model, KnownPeople] = WeakKeyDictionary()


class Sheet:
    """One face, and the model's people beside it."""

    def __init__(self, model: Model, shown: Shown):
        self.model, self._shown = model, ref(shown)
        self.pages: dict[str, dict] = {}
        """Questions and answers as they were written: a whole class asks for the same ones."""

    @property
    def shown(self) -> Shown:
        """The face, which is not kept alive from here: a visitor's goes when the visitor goes."""
        shown = self._shown()
        assert shown is not None
        return shown

    @property
    def codes(self) -> Codes:
        """Its codes, batch of one."""
        return self.shown.face.codes

    @property
    def key(self) -> str:
        """What tells this face from others: its picture."""
        return self.shown.thumbnail

    @cached_property
    def others(self) -> list[Shown]:
        """All example faces that are not this one."""
        examples = (self.model.example(number) for number in range(len(self.model.examples)))
        return [example for example in examples if example is not self.shown]

    @cached_property
    def people(self) -> Codes:
        """Codes of the others."""
        return Codes.cat([other.face.codes for other in self.others])

    @cached_property
    def candidates(self) -> list[int]:
        """Places of CANDIDATES others: the first lends its expression, the rest show something else."""
        return lender_and_others(self.model.pipeline, self.codes, self.people, CANDIDATES)

    @property
    def lender(self) -> Shown:
        """Whose expression is put on."""
        return self.others[self.candidates[0]]

    def swapped(self, strength: float) -> Codes:
        """Put the lender's expression on this face."""
        return self.model.pipeline.swap(self.codes, self.lender.face.codes, strength)

    @cached_property
    def expressions_alike(self) -> list[float]:
        """Cosine of what the expression changes in the swap's picture with each candidate's expression."""
        theirs = self.people[self.candidates]
        return expression_alike(self.model.pipeline, self.swapped(0.0), self.swapped(1.0), theirs)

    @cached_property
    def identities_alike(self) -> list[float]:
        """Cosine of the strong swap, read off its picture, with this face and with the lender."""
        both = Codes.cat([self.codes, self.lender.face.codes])
        return identity_alike(self.model.pipeline, self.swapped(STRONG), both)

    @cached_property
    def turning(self) -> Turning:
        """This head turned."""
        return turned(self.model.pipeline, self.codes, self.people)

    @cached_property
    def dimming(self) -> Dimming:
        """This photo darkened."""
        return dimmed(self.model.pipeline, self.shown.face.level)

    @property
    def known(self) -> KnownPeople:
        """The gallery's people, worked out once a model."""
        model = self.model
        if model not in _known:
            _known[model] = known_people(model.pipeline, model.atlas, model.mapped)
        return _known[model]

    @cached_property
    def again(self) -> Again:
        """The person of the gallery who is likest to this face, in another picture."""
        return again(self.known, signature(self.model.pipeline, self.codes)[0])

    @cached_property
    def neighbours(self) -> Neighbours:
        """This face's neighbours on the map of identities."""
        return neighbours(self.known, self._feature, self._person)

    @property
    def _feature(self) -> Tensor:
        """This face on the map of identities."""
        pipeline = self.model.pipeline
        return map_features(pipeline, self.codes, pipeline.split(self.codes))["identity"][0]

    @property
    def _person(self) -> int | None:
        """The number of the gallery's person that an example shows; examples come from the bundled gallery."""
        photo = self.shown.photo
        if photo is None or photo.example is None or self.model.atlas is not self.model.gallery:
            return None
        return self.model.gallery.faces[self.model.examples[photo.example]]["person"]

    @cached_property
    def untold(self) -> Untold:
        """Who comes out of noise untold."""
        return untold(self.model.pipeline, self.codes)

    @cached_property
    def hasty(self) -> Hasty:
        """Who comes out of noise in one step."""
        return hasty(self.model.pipeline, self.codes)


def sheet_of(model: Model, shown: Shown) -> Sheet:
    """Give what is known of a face, worked out as it is needed; it lives as long as the face."""
    sheet = model.sheets.get(shown)
    if sheet is None:
        sheet = model.sheets[shown] = Sheet(model, shown)
    return sheet
