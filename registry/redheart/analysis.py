"""What a model says of one text: as values, as JSON, and as the page that people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs

from redheart_core.contract.errors import RedheartError

if TYPE_CHECKING:
    from redheart.page import Page
    from redheart_core.data.language import Language
    from redheart_core.memory.case import Neighbour
    from redheart_core.models.abstaining import Abstention
    from redheart_core.models.findings import Answer, Finding, LabelValue
    from redheart_core.models.limits import Reading
    from redheart_core.models.stakes import Context
    from redheart_core.safety.help import Help


@attrs.frozen(slots=False)
class Analysis:
    """What a model says of one text."""

    text: str
    language: Language
    """As it was stated or detected."""
    answers: tuple[Answer, ...]
    """One per field, fused ones first, by name."""
    abstentions: tuple[Abstention, ...]
    """Fields that the model answers for other texts, by name, each with the reason."""
    findings: tuple[Finding, ...]
    """Everything that the plugins say, from which the answers are made."""
    not_analyzed: Mapping[str, tuple[str, ...]]
    """Plugins that say nothing, and the fields that they read and the record does not have."""
    missing: Mapping[str, str] = attrs.field(factory=dict)
    """Groups of the run that the model leaves out, with the reason; empty for a whole model."""
    help: Help | None = None
    """For the person who wrote the text, if it has a sign of a crisis; it stands first everywhere; where
    Help.alone holds, nothing else is said of the text."""
    absent: tuple[str, ...] = ()
    """Groups that cannot answer on this machine, as files of others are not installed; Model.absent has the reasons."""
    calibrated: bool = False
    """Whether the model was calibrated; without it there are no intervals and sets."""
    limits: tuple[Reading, ...] = ()
    """What each limit says of the text: whether it is beyond what the model knows, and how far."""
    remarks: tuple[Reading, ...] = ()
    """What each layer that sees the answers says: whether they contradict each other, or similar cases do."""
    context: Context | None = None
    """What the text names, and how high the stakes are; None of a text that is answered with help alone."""
    cases: tuple[Neighbour, ...] = ()
    """The nearest cases of the memory that was named, with their labels; texts of them only where they were kept."""
    remembered: bool = False
    """Whether a memory was named."""

    @property
    def reads_like(self) -> str:
        """The data set that the text reads like, on whose kind of calibration records some answer rests; empty if none
        does."""
        return next(
            (one.certainty.reads_like for one in self.answers if one.certainty and one.certainty.reads_like), ""
        )

    def answer(self, field: str) -> Answer:
        """The answer on a field.

        Raises:
            RedheartError: The model abstains, or does not know the field.
        """
        for answer in self.answers:
            if answer.field == field:
                return answer
        for abstention in self.abstentions:
            if abstention.field == field:
                raise RedheartError(f"the model does not answer '{field}' here: {abstention.reason}")
        known = ", ".join(answer.field for answer in self.answers) or "none"
        raise RedheartError(f"the model has no answer on '{field}' here (fields that it answers: {known})")

    def intervals(self, field: str) -> dict[str, tuple[float, float]]:
        """By label the interval that holds a value or share in 90 % of all records.

        Raises:
            RedheartError: The model does not answer the field, or was not calibrated, or knows too little for an
                interval; or the numbers are 0 or 1, which have sets.
        """
        answer = self._calibrated(field, "intervals")
        if answer.about.binary:
            raise RedheartError(f"'{field}' has labels that are 0 or 1; ask for its label_set instead of its intervals")
        found = {one.label: (one.low, one.high) for one in answer.values}
        missing = sorted(label for label, (low, _) in found.items() if low is None)
        if missing:
            raise RedheartError(f"too few calibration records for an interval of '{field}': {', '.join(missing)}")
        return {label: (low, high) for label, (low, high) in found.items() if low is not None and high is not None}

    def label_set(self, field: str, *, together: bool = False) -> tuple[str, ...]:
        """The labels that may be true: it holds 90 % of the labels that are 1, or the one with the largest share.

        Args:
            field: What is answered.
            together: Of labels that are 0 or 1 the set that misses at most 10 % of a text's labels on average, instead
                of one that holds each label in 90 % of the texts that have it. It is smaller, and misses rare labels
                more often.

        Raises:
            RedheartError: The model does not answer the field, or was not calibrated, or knows too little for a set; or
                the field has no labels to choose from.
        """
        answer = self._calibrated(field, "sets")
        assert answer.certainty is not None
        if answer.about.binary and not together:
            unknown = sorted(one.label for one in answer.values if one.in_set is None)
            if unknown:
                way = "; together=True gives a set of all labels" if answer.certainty.together is not None else ""
                raise RedheartError(f"too few calibration records for a set of '{field}': {', '.join(unknown)}{way}")
            return tuple(one.label for one in answer.values if one.in_set)
        found = answer.certainty.together if together else answer.certainty.leading
        if found is None:
            raise RedheartError(f"'{field}' has no set of labels: it is no choice among labels, or its records are few")
        return found

    def _calibrated(self, field: str, what: str) -> Answer:
        """The answer on a field, if it is calibrated."""
        answer = self.answer(field)
        if answer.certainty is None:
            reason = "the model was not calibrated"
            if self.calibrated:
                reason = f"no calibration record has what {answer.origin} needs"
            raise RedheartError(
                f"no {what} of '{field}': {reason}; prepare data with a calibration split and assemble the model again"
            )
        return answer

    @property
    def unlimited(self) -> bool:
        """Whether the model knows none of its limits, for want of calibration texts, and so answers every text."""
        return bool(self.limits) and all(one.limit is None for one in self.limits)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is known against some of the numbers: each finding says it of its own, and layers of all together."""
        against = [finding.warning for finding in self.findings] + [one.words for one in self.remarks if one.beyond]
        return tuple(dict.fromkeys(one for one in against if one))

    @cached_property
    def page(self) -> Page:
        """The answers in words and numbers, without what is as usual."""
        from redheart.page import make_page

        return make_page(self)

    def to_json(self) -> dict[str, Any]:
        """As JSON values, of the form that redheart.analysis_json.schema gives."""
        from redheart.analysis_json import analysis_json

        return analysis_json(self)

    def details(self) -> Iterator[tuple[str, ...]]:
        """All findings for people, by task and the answer first, with DETAILS as heads.

        Agreement is how many of the modules behind an answer's number claim the same, of a module whether it does: that
        the label is predicted, or the number above or below the usual or as usual.
        """
        from redheart.claims import agreement

        answering = {(one.field, one.finding.plugin, one.finding.output): one for one in self.answers}
        by_field = {one.field: one for one in self.answers}

        def place(finding: Finding) -> tuple[str, bool]:
            return finding.field, (finding.field, finding.plugin, finding.output) not in answering

        for finding in sorted(self.findings, key=place):
            answer = answering.get((finding.field, finding.plugin, finding.output))
            calibrated = {value.label: value for value in answer.values} if answer is not None else {}
            for value in (calibrated.get(one.label, one) for one in finding.values):
                yield (
                    finding.field,
                    value.label if value.label != finding.field else "",
                    _shown(value, finding.unit),
                    "-" if value.training_mean is None else f"{value.training_mean:.3f}",
                    "-" if value.deviations is None else f"{value.deviations:+.1f}",
                    finding.plugin if answer is None else f"{answer.origin}: the answer",
                    "-" if finding.epoch is None else str(finding.epoch),
                    _agreement(by_field.get(finding.field), finding, value)
                    if answer is None
                    else agreement(answer, value),
                )

    def layer_details(self) -> Iterator[tuple[str, str, str, str]]:
        """What every layer says of the text and of the answers, with LAYER_DETAILS as heads."""
        for one in (*self.limits, *self.remarks):
            score, limit = ("-" if number is None else f"{number:.3g}" for number in (one.score, one.limit))
            usual = "" if one.score is None or one.limit is None else "as usual"
            yield one.layer, score, limit, one.words or usual

    def _repr_html_(self) -> str:
        from redheart.crisis import html_help
        from redheart.page import COLUMNS
        from redheart_core.storage.html_table import html_table

        first = "" if self.help is None else html_help(self.help)
        if self.help is not None and self.help.alone:
            return first
        return first + html_table(COLUMNS, self.page.rows, "; ".join((self.text, self.page.head, *self.page.notes)))


def _agreement(answer: Answer | None, finding: Finding, value: LabelValue) -> str:
    """Whether a module behind an answer claims of a label what the answer claims."""
    from redheart.claims import agrees

    if answer is None or finding not in answer.members:
        return "-"
    same = next((agrees(answer.about, value, one) for one in answer.values if one.label == value.label), None)
    return "-" if same is None else "agrees" if same else "differs"


def _shown(value: LabelValue, unit: str) -> str:
    """The number with its unit, the deviation of the members, its interval, and whether a label of 0 or 1 is predicted
    and in the set."""
    apart = "" if value.disagreement is None else f" ± {value.disagreement:.3f}"
    between = "" if value.low is None else f" [{value.low:.3f}, {value.high:.3f}]"
    verdict = ""
    if value.threshold is not None:
        verdict = f" {'yes' if value.value >= value.threshold else 'no'} (from {value.threshold:.2f})"
    if value.in_set is not None:
        verdict += ", in the set" if value.in_set else ", not in the set"
    return f"{value.value:.3f}{apart}{between}{'' if unit == '1' else f' {unit}'}{verdict}"


DETAILS = ("task", "label", "value", "training mean", "deviations", "said by", "epoch", "agreement")
"""Heads of Analysis.details."""
LAYER_DETAILS = ("layer", "score", "usual up to", "says")
"""Heads of Analysis.layer_details."""
