"""Groups and tiers: which nodes share gradients and which groups come first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

import attrs

from redheart_core.config.tables import DEFAULT_TERMS, GroupSettings
from redheart_core.contract.errors import PluginError, SettingsError, disabling, join_complaints
from redheart_core.contract.fields import Field, Shape
from redheart_core.contract.nodes import VIEWS, NodeSpec
from redheart_core.data.token_views import token_views
from redheart_core.groups.absences import with_absences
from redheart_core.groups.active import ActiveNode
from redheart_core.groups.baseline import find_baseline, start_from_baseline
from redheart_core.groups.beside import check_beside
from redheart_core.groups.binding import bind_node
from redheart_core.groups.group import Group
from redheart_core.groups.plugin_calls import naming


def bind_nodes(nodes: Iterable[ActiveNode], fields: Mapping[str, Field]) -> tuple[ActiveNode, ...]:
    """The nodes as they are on a data set of which these fields can be used.

    A node that gathers reads the answers of the others by name, so that plugins.toml order changes no bits.

    Raises:
        PluginError: No node answers anything that another one gathers, or several are a baseline.
    """
    nodes = tuple(nodes)
    bound = start_from_baseline(_gather_named(nodes, fields), fields)
    gathering = {
        node.name for node in nodes if (node.spec.gathers or node.spec.gathers_any) and not node.spec.gathers_from
    }
    if not gathering:
        return bound
    given = _answers(bound, gathering)
    return tuple(
        attrs.evolve(node, spec=_gather(node, fields, given[node.name])) if node.name in gathering else other
        for node, other in zip(nodes, bound, strict=True)
    )


def plan_groups(nodes: Sequence[ActiveNode], settings: Mapping[str, GroupSettings] | None = None) -> tuple[Group, ...]:
    """Sort bound nodes into groups and groups into tiers; lower tiers first, then plugins.toml order.

    Args:
        nodes: The active nodes.
        settings: The [groups.<name>] tables.

    Raises:
        PluginError: A node reads what no active node gives, or its own target; groups read each
            other in a circle; fitted and descending nodes share a group; several nodes are baselines.
        SettingsError: A table is that of no group.
    """
    settings = settings or {}
    by_name = {node.name: node for node in nodes}
    _check_reads(nodes, by_name)
    check_beside(nodes)
    group_of = {node.name: node.group for node in nodes}
    members: dict[str, list[ActiveNode]] = {}
    for node in _sorted_nodes(nodes):
        members.setdefault(node.group, []).append(node)
    reads = {
        name: sorted({group_of[read] for node in group for read in read_nodes(node)} - {name})
        for name, group in members.items()
    }
    tiers: dict[str, int] = {}
    for name in _order(reads, "checkpoint groups"):
        tiers[name] = 1 + max((tiers[read] for read in reads[name]), default=-1)
    order = list(dict.fromkeys(node.group for node in nodes))
    requires = _required_fields(_sorted_nodes(nodes))
    groups = [
        Group(
            name,
            tuple(members[name]),
            tiers[name],
            tuple(reads[name]),
            {node.name: requires[node.name] for node in members[name]},
            settings.get(name, GroupSettings()),
        )
        for name in order
    ]
    _check_trained(groups, by_name)
    find_baseline(nodes)
    _check_kinds(groups, settings)
    return tuple(sorted(with_absences(groups), key=lambda group: group.tier))


def read_nodes(node: ActiveNode) -> tuple[str, ...]:
    """Names of the nodes that a node reads."""
    return tuple(dict.fromkeys(read.partition(".")[0] for read in node.reads if "." in read))


def check_targets(
    nodes: Iterable[ActiveNode], fields: Mapping[str, Field], coverage: Mapping[str, int], split: str
) -> None:
    """Every field that a node reads or learns has to be one of the data set that at least one record has.

    Args:
        nodes: The active nodes.
        fields: The fields of the data set.
        coverage: Field to number of records of the split that have it.
        split: Its name, for the message.

    Raises:
        PluginError: One line for each plugin that could not learn.
    """
    found = list[tuple[str, str]]()
    for node in nodes:
        used = [("learns", field) for field in node.spec.targets]
        used += [("reads", field) for field in node.spec.read_fields]
        known = ", ".join(sorted(fields))
        for verb, field in used:
            if field not in fields:
                found.append((node.name, f"{verb} '{field}', which the data set lacks (fields: {known})"))
            elif not coverage.get(field):
                found.append((node.name, f"{verb} '{field}', which no {split} record has"))
        if node.learns and set(node.learns) != set(node.spec.targets):
            learnt = ", ".join(node.spec.targets) or "none"
            said = f"has learns = {list(node.learns)} in plugins.toml, and of these fields it would learn {learnt} here"
            found.append((node.name, f"{said}; name only fields that it may leave out and that {split} records have"))
        if node.spec.objective is not None and not node.spec.targets:
            found.append((node.name, f"can learn none of the data set's fields (fields: {known})"))
    if found:
        title = f"leave out what this data set cannot train: {disabling(dict.fromkeys(name for name, _ in found))}"
        raise PluginError(join_complaints(title, [f"plugin '{name}' {complaint}" for name, complaint in found]))


def check_without_texts(nodes: Iterable[ActiveNode]) -> None:
    """On records without texts no node may read a view of the text.

    Raises:
        PluginError: Names every node that does.
    """
    reading = {node.name: [read for read in node.reads if read in VIEWS] for node in nodes}
    readers = [f"{name} ({', '.join(views)})" for name, views in reading.items() if views]
    if readers:
        raise PluginError(
            f"the records of this data set have no texts, and these plugins read the text: {', '.join(readers)}; only "
            "nodes that read fields can be trained: --disable all leaves out what plugins.toml lists, and --enable "
            "names what is to learn"
        )


def output_shapes(
    nodes: Sequence[ActiveNode],
    fields: Mapping[str, Field],
    embedding_width: int,
    terms: int,
    tokens: Collection[str] = (),
) -> dict[str, Shape]:
    """Per-record shape of everything that a node may read.

    Args:
        nodes: The active nodes.
        fields: The fields of the data set.
        embedding_width: D.
        terms: V, 0 if the data set has none.
        tokens: Its views of tokens.

    Raises:
        PluginError: A node reads terms or tokens and there are none.
    """
    readers = [node.name for node in nodes if "terms" in node.spec.reads]
    if readers and not terms:
        raise PluginError(
            f"{', '.join(readers)} read terms, and the data set has none: no term occurs in three training texts, or "
            f"it was prepared with terms = 0; prepare it with --set data.terms={DEFAULT_TERMS}, or leave out with "
            "--disable"
        )
    readers = [node.name for node in nodes if "tokens" in node.spec.reads]
    if readers and not tokens:
        raise PluginError(
            f"{', '.join(readers)} read tokens, and the data set has none; prepare it with the tokenizer of the model "
            "that reads them (--set data.tokenizer=FOLDER, or package:NAME/FOLDER), or with one that is learnt from "
            "the training texts (--set data.tokenizer=learnt:8000)"
        )
    shapes: dict[str, Shape] = {"embedding": ("T", embedding_width), "terms": (terms,), "tokens": ("L",)}
    shapes |= {name: (embedding_width,) if field.text else field.shape for name, field in fields.items()}
    for node in nodes:
        for output in node.spec.gives:
            shapes[f"{node.name}.{output.name}"] = output.resolve(node.settings, fields)
    return shapes


def _bind(node: ActiveNode, fields: Mapping[str, Field]) -> NodeSpec:
    with naming(node.name, "learns_any"):
        return bind_node(node.spec, node.learnable(fields))


def _gather_named(nodes: Sequence[ActiveNode], fields: Mapping[str, Field]) -> tuple[ActiveNode, ...]:
    """The nodes bound, of which those with gathers_from read the answers of the nodes that they name."""
    bound = {node.name: attrs.evolve(node, spec=_bind(node, fields)) for node in nodes}
    named = {node.name: node for node in nodes if node.spec.gathers_from}
    for name in _order({name: named[name].spec.gathers_from for name in named}, "nodes that gather"):
        if name not in named:
            continue
        missing = [source for source in named[name].spec.gathers_from if source not in bound]
        if missing:
            raise PluginError(
                f"plugin '{name}' gathers the answers of {', '.join(missing)}, not active; "
                f"{' '.join(f'--enable {source}' for source in missing)}, or --disable {name}"
            )
        given = {
            field: tuple(f"{source}.{field}" for source in named[name].spec.gathers_from
                         if bound[source].spec.answers(field))
            for field in bound[name].spec.gathers
        }  # fmt: skip
        bound[name] = attrs.evolve(named[name], spec=_gather(named[name], fields, given))
    return tuple(bound[node.name] for node in nodes)


def _answers(nodes: Sequence[ActiveNode], gathering: Collection[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    """For each node that gathers: field to the "node.output" that answer it."""
    _check_reads(nodes, {node.name: node for node in nodes})
    required = {name: set(fields) for name, fields in _required_fields(_sorted_nodes(nodes)).items()}
    group_of = {node.name: node.group for node in nodes}
    above = {node.group for node in nodes if node.name in gathering}
    while more := {node.group for node in nodes if above & {group_of[name] for name in read_nodes(node)}} - above:
        above |= more
    behind = {name for node in nodes if node.kind == "fusion" for name in node.spec.gathers_from}
    kept = (node for node in nodes if node.group not in above and node.name not in behind)
    below = sorted(kept, key=lambda node: node.name)
    return {
        node.name: {
            field: tuple(
                f"{other.name}.{field}"
                for other in below
                if other.spec.answers(field) and required[other.name] <= required[node.name]
            )
            for field in node.spec.gathers
        }
        for node in nodes
        if node.name in gathering
    }


def _gather(node: ActiveNode, fields: Mapping[str, Field], given: Mapping[str, tuple[str, ...]]) -> NodeSpec:
    """The spec of a node on a data set with these fields, reading what others answer."""
    missing = {field for field, names in given.items() if not names}
    if len(missing) == len(given):
        names = ", ".join(given) or "fields that the data set lacks"
        raise PluginError(
            f"plugin '{node.name}' gathers the answers on {names}, and no other active plugin gives any; "
            f"--enable one that does, or --disable {node.name}"
        )
    spec = _bind(node, {name: field for name, field in fields.items() if name not in missing})
    read = (name for found in given.values() for name in found)
    return attrs.evolve(spec, reads=tuple(dict.fromkeys((*spec.reads, *read))))


def _required_fields(nodes: Iterable[ActiveNode]) -> dict[str, tuple[str, ...]]:
    """For each node the fields that it and all below it cannot do without."""
    required: dict[str, tuple[str, ...]] = {}
    for node in nodes:
        own = {field for field in node.spec.read_fields if field not in node.spec.optional_reads}
        below = {field for source in read_nodes(node) for field in required[source]}
        required[node.name] = tuple(sorted(own | below))
    return required


def _check_reads(nodes: Sequence[ActiveNode], by_name: Mapping[str, ActiveNode]) -> None:
    complaints = []
    for node in nodes:
        for read in node.spec.reads:
            source, _, output = read.partition(".")
            if not output:
                if read in node.spec.targets:
                    complaints.append(f"plugin '{node.name}' reads '{read}', which it is to learn")
            elif source not in by_name:
                complaints.append(
                    f"plugin '{node.name}' reads '{read}', but '{source}' is not active; --enable {source}"
                )
            elif not _may_give(by_name[source], output):
                known = ", ".join(sorted(given.name for given in by_name[source].spec.gives))
                complaints.append(
                    f"plugin '{node.name}' reads '{read}', which '{source}' does not give (gives: {known})"
                )
    if complaints:
        raise PluginError(join_complaints("some plugins read what is not there", complaints))


def _may_give(node: ActiveNode, output: str) -> bool:
    """Whether it gives an output; of a node that is not bound yet its data set may have the field of it."""
    return node.spec.learns_any is not None or output in {given.name for given in node.spec.gives}


def _check_trained(groups: Sequence[Group], by_name: Mapping[str, ActiveNode]) -> None:
    """What a group reads of another one has to be trained there."""
    wanted = {node.name: group.wanted(node) for group in groups for node in group.nodes}
    for group in groups:
        for read in group.external:
            source, _, output = read.partition(".")
            if output not in wanted[source] and by_name[source].spec.learns_any is None:
                raise PluginError(
                    f"group '{group.name}' reads '{read}', which nothing in group '{by_name[source].group}' trains; "
                    "enable a plugin there that learns from it"
                )


def _check_kinds(groups: Sequence[Group], settings: Mapping[str, GroupSettings]) -> None:
    """A group is fitted as a whole or descends as a whole, and what is fitted has no rate and no techniques."""
    known = {group.name for group in groups}
    if unknown := sorted(settings.keys() - known):
        raise SettingsError(f"[groups.{unknown[0]}]: there is no such group (groups: {', '.join(sorted(known))})")
    for group in groups:
        if group.settings.is_on("mixup") and token_views(group.inputs):
            raise SettingsError(f"[groups.{group.name}] mixup: it reads tokens, which cannot be mixed; leave it out")
        if not group.settings.honest:
            _check_dishonest(group, groups)
        if not group.fitted:
            continue
        others = [node.name for node in group.nodes if node.spec.fit is None]
        if others:
            raise PluginError(f"group '{group.name}' is fitted in closed form, {', '.join(others)} in it cannot be")
        if attrs.evolve(group.settings, honest=True, languages=()) != GroupSettings():
            raise SettingsError(
                f"[groups.{group.name}]: it is fitted in closed form, so that nothing there but honest and languages "
                "applies"
            )


def _check_dishonest(group: Group, groups: Sequence[Group]) -> None:
    """Without honest answers nothing can be trained on those of a group, which know their records' targets."""
    if not group.fitted:
        raise SettingsError(f"[groups.{group.name}] honest: only groups that are fitted in closed form have it")
    readers = ", ".join(other.name for other in groups if group.name in other.reads and not other.fits_validation)
    if readers:
        raise SettingsError(
            f"[groups.{group.name}] has honest = false, and {readers} would be trained on its answers; leave honest "
            "out, or what reads it"
        )


def _sorted_nodes(nodes: Sequence[ActiveNode]) -> list[ActiveNode]:
    """Each node after those it reads; otherwise by name, so that plugins.toml order changes no bits."""
    by_name = {node.name: node for node in sorted(nodes, key=lambda node: node.name)}
    return [by_name[name] for name in _order({name: read_nodes(node) for name, node in by_name.items()}, "nodes")]


def _order(reads: Mapping[str, Iterable[str]], what: str) -> list[str]:
    try:
        return list(TopologicalSorter(reads).static_order())
    except CycleError as error:
        raise PluginError(f"{what} read each other in a circle: {' -> '.join(error.args[1])}") from error
