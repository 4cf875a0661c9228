"""Which tier answers: the least expected regret, with time and money on the same scale. Pure.

For each tier that may answer:

    cost = Σ over kinds of  P(kind) × REGRET[kind][level of the tier]       what a wrong level costs
         + LATE × (seconds to its first word beyond what is comfortable)     what waiting costs
         + MONEY × (its price / what is left today)                          what paying costs

A regret of 1 is an answer that is no use. The least cost is asked first, the others in the order of theirs. What a
tier would have cost without its waiting says whether a cold one was wanted: it is brought up for the next time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from jarvisd.types import Kind, Level

# What it costs to have a question of this kind answered on this level: too weak an answer is wrong, too strong a one
# only keeps a larger model busy. A home command reaches a model only when no grammar knew it.
REGRET: Mapping[Kind, Mapping[Level, float]] = {
    "home": {"fast": 0.15, "strong": 0.0, "reasoning": 0.3},
    "fast": {"fast": 0.0, "strong": 0.12, "reasoning": 0.25},
    "strong": {"fast": 0.6, "strong": 0.0, "reasoning": 0.15},
    "reasoning": {"fast": 1.0, "strong": 0.45, "reasoning": 0.0},
}
# Each second beyond comfort costs so much: half a minute for a cold model is worse than a weaker answer now.
LATE_A_SECOND = 0.04
# A call for all that is left today costs as much as an answer that is no use.
MONEY = 1.0
# The tier that answered last keeps the card against one that is only a little better.
STAY = 0.05
# What a person asked for by name is worth more than all that speaks against it.
PREFERRED = 10.0
# On "fast", with so much doubt, the answer is looked at before it is spoken.
GREY_FROM, GREY_TO = 0.15, 0.7
# Of the answers of a level that is too low, looking is expected to catch this part before they are spoken.
CAUGHT = 0.5


@dataclass(frozen=True, slots=True)
class Option:
    """A tier as it is now. `eta_s`: expected time to its first word. `price`: expected, as a part of what may be spent
    today. `refused`: why it may not be asked at all; `failing`: why it is asked only when nothing else is left.
    """

    tier: str
    engine: str
    level: Level
    eta_s: float
    price: float = 0.0
    refused: str = ""
    failing: str = ""


@dataclass(frozen=True, slots=True)
class Weighed:
    option: Option
    regret: float
    late: float
    money: float

    @property
    def cost(self) -> float:
        return self.regret + self.late + self.money


@dataclass(frozen=True, slots=True)
class Decision:
    """`order`: whom to ask, best first. `wanted`: the tier that would be asked were it warm, where it is another one.

    `margin`: how much worse the second is. `grey`: the first one's answer wants a look before it is spoken, and
    `escalate_to` is who answers instead. `refused`: tiers that may not be asked, with the reason.
    """

    probabilities: Mapping[Kind, float]
    order: tuple[Weighed, ...]
    margin: float
    wanted: str | None = None
    escalate_to: str | None = None
    refused: Mapping[str, str] | None = None

    @property
    def grey(self) -> bool:
        return self.escalate_to is not None

    def reason(self, weighed: Weighed) -> str:
        """One sentence for people: why this tier."""
        likely = sorted(self.probabilities.items(), key=lambda item: -item[1])[:2]
        kinds = ", ".join(f"{share:.0%} {kind}" for kind, share in likely)
        option = weighed.option
        said = f"{option.tier}: {kinds}; first word in about {option.eta_s:.1f} s"
        if option.failing:
            return f"{said}; {option.failing}"
        others = [other for other in self.order if other is not weighed]
        if others and others[0].cost >= weighed.cost:
            said += f"; {others[0].option.tier} would be {others[0].cost - weighed.cost:.2f} worse"
        return f"{said}; {self.wanted} is warming up" if self.wanted else said


def decide(
    probabilities: Mapping[Kind, float],
    options: Sequence[Option],
    *,
    comfort_s: float = 2.0,
    wish: Level | None = None,
    last_tier: str | None = None,
    prefer: Collection[str] = (),
    look: bool = False,
) -> Decision:
    """Weighs the tiers. `wish`: a level that was asked for in so many words; `prefer`: tiers that were. `last_tier`:
    who answered before. `look`: a doubtful beginning of the fast level can be looked at before it is spoken.
    """
    believed = _believed(probabilities, wish)
    allowed = [option for option in options if not option.refused]
    caught = (
        CAUGHT if look and wish is None and any(one.level != "fast" and not one.failing for one in allowed) else 0.0
    )
    weighed = [_weigh(option, believed, comfort_s, caught) for option in allowed]
    weighed = [_favoured(one, last_tier, prefer) for one in weighed]
    order = sorted(weighed, key=lambda one: (bool(one.option.failing), one.cost))  # stable: the household's order
    refused = {option.tier: option.refused for option in options if option.refused}
    if not order:
        return Decision(believed, (), 0.0, refused=refused)
    margin = order[1].cost - order[0].cost if len(order) > 1 and not order[1].option.failing else 1.0
    wanted = min(order, key=lambda one: (bool(one.option.failing), one.cost - one.late))
    return Decision(
        believed,
        tuple(order),
        margin,
        wanted=wanted.option.tier if wanted is not order[0] and not wanted.option.failing else None,
        escalate_to=_escalation(believed, order) if caught else None,
        refused=refused,
    )


def _believed(probabilities: Mapping[Kind, float], wish: Level | None) -> Mapping[Kind, float]:
    """A wish in so many words is certain."""
    if wish is None:
        return probabilities
    return {kind: float(kind == wish) for kind in REGRET}


def _weigh(option: Option, probabilities: Mapping[Kind, float], comfort_s: float, caught: float) -> Weighed:
    regret = sum(share * REGRET[kind][option.level] for kind, share in probabilities.items())
    if option.level == "fast" and _doubt(probabilities) <= GREY_TO:
        regret *= 1 - caught
    return Weighed(option, regret, LATE_A_SECOND * max(0.0, option.eta_s - comfort_s), MONEY * option.price)


def _favoured(weighed: Weighed, last_tier: str | None, prefer: Collection[str]) -> Weighed:
    favour = STAY * (weighed.option.tier == last_tier) + PREFERRED * (weighed.option.tier in prefer)
    return replace(weighed, regret=weighed.regret - favour)


def _escalation(probabilities: Mapping[Kind, float], order: Sequence[Weighed]) -> str | None:
    """Who answers instead of a fast tier whose answer is doubtful; None where there is no doubt, or nobody."""
    first = order[0].option
    if first.level != "fast" or not GREY_FROM <= _doubt(probabilities) <= GREY_TO:
        return None
    better = (one.option for one in order[1:] if one.option.level != "fast" and not one.option.failing)
    return next((option.tier for option in better), None)


def _doubt(probabilities: Mapping[Kind, float]) -> float:
    """How likely it is that a fast level is too low."""
    return probabilities.get("strong", 0.0) + probabilities.get("reasoning", 0.0)
