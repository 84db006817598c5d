"""English phrases of the matters of land, house and health.

{A} acts, {O} is the other, {P} feels the outcome. [x|y] holds the infinitive and the past.
"""

from __future__ import annotations

from collections.abc import Mapping

from redheart_village.acts import Matter
from redheart_village.phrases import MatterWords

LAND_EN: Mapping[Matter, MatterWords] = {
    "harvest": MatterWords(
        problem=(
            "the wheat was ripe and clouds hung over the hills",
            "there was talk of hail, with the rye still standing",
            "the fields had to be brought in before the weather turned",
        ),
        acts={
            "bold": (
                "[leave|left] the whole field standing for one more week",
                "[wait|waited] for a fuller crop and [cut|cut] nothing yet",
                "[stake|staked] the year on late wheat",
            ),
            "safe": (
                "[cut|cut] half of the field at once",
                "[bring|brought] in what was already dry",
                "[reap|reaped] the lower strip and [store|stored] it",
            ),
            "kind": (
                "[bring|brought] in {O:pos} crop first",
                "[lend|lent] {O:obj} the horse and the only good scythe",
                "[spend|spent] the dry days in {O:pos} field",
            ),
            "wrong": (
                "[move|moved] the boundary stones into {O:pos} strip",
                "[lure|lured] away {O:pos} reapers with a lie",
                "[carry|carried] off sheaves from {O:pos} field",
            ),
            "wait": (
                "[stay|stayed] in bed and [leave|left] the field alone",
                "[do|did] nothing about the crop",
                "[let|let] the days go by with the scythe on its hook",
            ),
        },
        fair=("the sky stayed dry", "the clouds went round the valley", "not a drop fell that week"),
        foul=("hail came down on Thursday", "the storm broke early", "it rained for days without a pause"),
        gain=("{P:pos} flour bin was full", "{P} had bread enough", "there was grain to spare for {P:obj}"),
        loss=("{P} counted empty sacks", "{P:pos} bread ran short", "{P} went to bed hungry"),
    ),
    "fever": MatterWords(
        problem=(
            "the fever had come up the valley",
            "there was sickness in almost every house",
            "one cough after another was heard at night",
        ),
        acts={
            "bold": (
                "[try|tried] an herb that nobody had tested",
                "[swallow|swallowed] the stranger's powder in one go",
                "[risk|risked] the new cure from the fair",
            ),
            "safe": (
                "[send|sent] for the doctor and [follow|followed] the old advice",
                "[pay|paid] for the plain syrup that always helped a little",
                "[keep|kept] to warm blankets and broth",
            ),
            "kind": (
                "[give|gave] the last medicine to {O:obj}",
                "[sit|sat] up three nights at {O:pos} bed",
                "[carry|carried] soup and clean sheets to {O:obj}",
            ),
            "wrong": (
                "[take|took] the pills out of {O:pos} cupboard",
                "[tell|told] the doctor that {O} was in no need",
                "[hide|hid] the bottle that was meant for {O:obj}",
            ),
            "wait": (
                "[hope|hoped] that the fever would pass by itself",
                "[pretend|pretended] that it was only a cold",
                "[put|put] off every remedy",
            ),
        },
        fair=("the fever was a mild one", "the illness broke on the third day", "the worst of it passed the house by"),
        foul=("the fever rose and rose", "it turned out to be the bad kind", "the illness settled on the lungs"),
        gain=("{P} could get up again", "the colour came back to {P:their} face", "{P} slept soundly at last"),
        loss=("{P} lay shivering", "{P} could hardly breathe", "the pain kept {P:obj} awake"),
    ),
    "flood": MatterWords(
        problem=(
            "the river was up to the second step",
            "the dyke had begun to leak",
            "water stood in the lower lane",
        ),
        acts={
            "bold": (
                "[drive|drove] the cart over the shaking bridge",
                "[go|went] back in for the chests",
                "[swim|swam] across with a rope",
            ),
            "safe": (
                "[carry|carried] a few things up to the chapel",
                "[take|took] the long road over the hill",
                "[move|moved] to the upper floor with bread and water",
            ),
            "kind": (
                "[row|rowed] over and [fetch|fetched] {O:obj} first",
                "[give|gave] {O:obj} the only seat in the boat",
                "[pile|piled] sandbags at {O:pos} door",
            ),
            "wrong": (
                "[cut|cut] loose {O:pos} boat and [take|took] it",
                "[break|broke] the bank on {O:pos} side",
                "[push|pushed] {O:obj} out of the line for the ferry",
            ),
            "wait": (
                "[stand|stood] at the window and [watch|watched] the water",
                "[refuse|refused] to leave the kitchen",
                "[wait|waited] to see how high it would come",
            ),
        },
        fair=("the river fell before dark", "the dyke held", "the water stopped a hand below the sill"),
        foul=("the dyke gave way at midnight", "the water came faster than expected", "the bridge went down the river"),
        gain=("{P} stood on dry ground", "{P} was out of danger", "{P:pos} home was spared"),
        loss=("{P} clung to a roof beam", "all that {P} owned was under water", "{P} was hurt by driftwood"),
    ),
    "roof": MatterWords(
        problem=(
            "winter was near and the roof let in the rain",
            "half of the tiles had gone in the autumn gales",
            "the beams were rotten and the nights grew cold",
        ),
        acts={
            "bold": (
                "[pull|pulled] the whole roof down to build a new one",
                "[use|used] cheap green timber for all of it",
                "[bet|bet] on a light tin roof",
            ),
            "safe": (
                "[patch|patched] the worst hole",
                "[nail|nailed] boards and sailcloth over the gap",
                "[close|closed] the attic and [move|moved] into one room",
            ),
            "kind": (
                "[mend|mended] {O:pos} house before the frost",
                "[take|took] {O:obj} in for the winter",
                "[give|gave] {O:obj} the good tiles",
            ),
            "wrong": (
                "[strip|stripped] tiles from {O:pos} shed",
                "[burn|burned] {O:pos} firewood",
                "[turn|turned] {O:obj} out of the spare room",
            ),
            "wait": (
                "[set|set] out buckets and [leave|left] it at that",
                "[put|put] the repair off again",
                "[trust|trusted] that it would hold",
            ),
        },
        fair=("the winter was a mild one", "the snow stayed up in the hills", "the gales kept away"),
        foul=("the frost was the hardest in years", "snow lay to the window sills", "a gale came in the first week"),
        gain=("{P} sat dry by the stove", "{P:pos} rooms were warm", "{P} had a snug place to sleep"),
        loss=("{P} froze at night", "the walls around {P:obj} were wet", "{P} had nowhere dry to lie"),
    ),
    "stray": MatterWords(
        problem=(
            "the goat had broken out and night was falling",
            "the old dog had not come back from the woods",
            "the gate stood open and the animals were gone",
        ),
        acts={
            "bold": (
                "[go|went] into the forest alone without a lamp",
                "[climb|climbed] down the ravine in the dark",
                "[follow|followed] the tracks over the ice",
            ),
            "safe": (
                "[leave|left] food at the gate and [ask|asked] around",
                "[put|put] up a notice and [call|called] from the path",
                "[walk|walked] along the fence with a lantern",
            ),
            "kind": (
                "[look|looked] for {O:pos} animal first",
                "[give|gave] {O:obj} the young one to keep",
                "[sit|sat] with {O:obj} through the tears",
            ),
            "wrong": (
                "[lock|locked] {O:pos} dog in the barn to keep it",
                "[tell|told] the warden that {O} had opened the gate",
                "[sell|sold] {O:pos} lamb to a pedlar",
            ),
            "wait": (
                "[shut|shut] the door and [go|went] to sleep",
                "[wait|waited] for it to come by itself",
                "[make|made] no search at all",
            ),
        },
        fair=("the night was clear", "the moon came out", "a bell was heard close by"),
        foul=("fog filled the woods", "there were wolves about", "the snow covered every track"),
        gain=("{P} felt warm fur under {P:their} hand", "{P} had company again", "a wet nose woke {P:obj}"),
        loss=("{P:pos} stable stayed empty", "{P} called and nothing answered", "{P} sat beside an empty basket"),
    ),
}
