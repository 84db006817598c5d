"""English phrases of the matters of town, school and company.

{A} acts, {O} is the other, {P} feels the outcome. [x|y] holds the infinitive and the past.
"""

from __future__ import annotations

from collections.abc import Mapping

from redheart_village.acts import Matter
from redheart_village.phrases import MatterWords

TOWN_EN: Mapping[Matter, MatterWords] = {
    "market": MatterWords(
        problem=(
            "the spring market was about to open",
            "money was short and the stalls were being put up",
            "the fair was the one day on which anything could be sold",
        ),
        acts={
            "bold": (
                "[put|put] all the savings into one load of cloth",
                "[buy|bought] forty lamps on credit",
                "[bet|bet] the purse on foreign spices",
            ),
            "safe": (
                "[sell|sold] eggs and honey as usual",
                "[take|took] the small corner stall with the fixed price",
                "[offer|offered] only what had been ordered beforehand",
            ),
            "kind": (
                "[let|let] {O:obj} have the better place",
                "[lend|lent] {O:obj} the stall money",
                "[send|sent] the best customers over to {O:obj}",
            ),
            "wrong": (
                "[weigh|weighed] {O:pos} goods with false weights",
                "[sell|sold] {O:obj} a lame mule as a sound one",
                "[spread|spread] a tale that {O:pos} cheese was spoiled",
            ),
            "wait": (
                "[keep|kept] the stall shut",
                "[walk|walked] about and [sell|sold] nothing",
                "[miss|missed] the opening and [do|did] not mind",
            ),
        },
        fair=("buyers came from three towns", "the square was crowded by nine", "people had coins in their hands"),
        foul=("hardly anyone came to buy", "the square stayed empty", "the buyers had gone to the other town"),
        gain=("{P} went home with a heavy purse", "{P:pos} takings were good", "{P} could pay what was owed"),
        loss=("{P} was left with debts", "{P:pos} cash box was empty", "{P} had to borrow for the rent"),
    ),
    "exam": MatterWords(
        problem=(
            "the school was to name its candidates",
            "the examination was close and the books were thick",
            "there was one place at the academy",
        ),
        acts={
            "bold": (
                "[enter|entered] for the hardest paper",
                "[apply|applied] only to the famous academy",
                "[skip|skipped] the easy part and [learn|learned] the rest by heart",
            ),
            "safe": (
                "[sit|sat] for the plain certificate",
                "[go|went] over last year's questions every evening",
                "[choose|chose] the subject that had always gone well",
            ),
            "kind": (
                "[spend|spent] the evenings teaching {O:obj}",
                "[copy|copied] out all the notes for {O:obj}",
                "[give|gave] up the place in favour of {O:obj}",
            ),
            "wrong": (
                "[hand|handed] in {O:pos} essay as {A:their} own",
                "[tear|tore] pages out of {O:pos} books",
                "[accuse|accused] {O:obj} of cheating without cause",
            ),
            "wait": (
                "[leave|left] the books shut",
                "[put|put] the form in a drawer",
                "[go|went] fishing in place of studying",
            ),
        },
        fair=("the questions were the friendly sort", "the examiner was in a good mood", "the right chapter came up"),
        foul=("nobody had expected such questions", "the marking was severe", "the wrong chapter came up"),
        gain=("{P} was praised before the class", "{P:pos} name stood high on the list", "doors opened for {P:obj}"),
        loss=("{P} was not on the list", "the teacher shook her head at {P:obj}", "{P} had to repeat the year"),
    ),
    "feast": MatterWords(
        problem=(
            "the whole lane was invited to the wedding",
            "the midsummer supper was being laid out",
            "everybody would be at the long table that night",
        ),
        acts={
            "bold": (
                "[stand|stood] up and [say|said] everything aloud",
                "[sing|sang] a song of {A:their} own before all the guests",
                "[ask|asked] for the first dance in front of everyone",
            ),
            "safe": (
                "[greet|greeted] people one by one",
                "[bring|brought] a cake and [help|helped] with the plates",
                "[sit|sat] with the people next door",
            ),
            "kind": (
                "[fetch|fetched] {O:obj}, invited or not",
                "[give|gave] {O:obj} the seat of honour",
                "[speak|spoke] up for {O:obj} at the table",
            ),
            "wrong": (
                "[tell|told] the table {O:pos} secret",
                "[mock|mocked] {O:obj} until the others laughed",
                "[see|saw] to it that {O} was sent away at the gate",
            ),
            "wait": (
                "[stay|stayed] at home with the lamp out",
                "[hide|hid] in the pantry all evening",
                "[say|said] not a word to anyone",
            ),
        },
        fair=(
            "the guests were in a warm mood",
            "the music was good and people laughed easily",
            "the evening went smoothly",
        ),
        foul=("the guests were in a sour mood", "a quarrel broke out between two families", "the party went cold"),
        gain=("{P} felt at home among them", "arms were put around {P:obj}", "{P} was asked to come again"),
        loss=("{P} stood alone by the wall", "backs were turned on {P:obj}", "nobody spoke to {P:obj}"),
    ),
    "workshop": MatterWords(
        problem=(
            "the mill was changing hands",
            "the old workshop had to let people go",
            "a letter with an offer of work lay on the table",
        ),
        acts={
            "bold": (
                "[quit|quit] and [open|opened] a forge of {A:their} own",
                "[sign|signed] for the big loan and new machines",
                "[turn|turned] down the wage for a share in the profit",
            ),
            "safe": (
                "[sign|signed] on for another year at the old wage",
                "[keep|kept] the small steady job",
                "[take|took] the post at the town office",
            ),
            "kind": (
                "[recommend|recommended] {O:obj} for the post",
                "[share|shared] the hours and the pay with {O:obj}",
                "[teach|taught] {O:obj} the craft for nothing",
            ),
            "wrong": (
                "[blame|blamed] {O:obj} for the broken machine",
                "[pass|passed] off {O:pos} drawings as new ones",
                "[keep|kept] back {O:pos} wages",
            ),
            "wait": (
                "[leave|left] the letter unanswered",
                "[let|let] the date go by",
                "[turn|turned] up late and [ask|asked] for nothing",
            ),
        },
        fair=("orders came in from all sides", "the trade picked up", "the new owner was generous"),
        foul=("the orders dried up", "the bank called in its loans", "the new owner closed two halls"),
        gain=("{P} earned well", "there was steady work for {P:obj}", "{P} could put money aside"),
        loss=("{P} stood without work", "{P:pos} bills piled up", "{P} had to sell the tools"),
    ),
    "stage": MatterWords(
        problem=(
            "the village play was to be given on Sunday",
            "the singing contest was about to begin",
            "the band needed somebody for the solo",
        ),
        acts={
            "bold": (
                "[take|took] the lead without a rehearsal",
                "[play|played] the solo from memory",
                "[try|tried] the leap that nobody had managed",
            ),
            "safe": (
                "[take|took] the small part at the back",
                "[sing|sang] the old tune everybody knew",
                "[stay|stayed] in the choir",
            ),
            "kind": (
                "[leave|left] the solo to {O:obj}",
                "[whisper|whispered] every line to {O:obj} from the wings",
                "[lend|lent] {O:obj} the good violin",
            ),
            "wrong": (
                "[hide|hid] {O:pos} costume",
                "[loosen|loosened] {O:pos} strings before the show",
                "[steal|stole] the song that {O} had written",
            ),
            "wait": (
                "[stay|stayed] behind the curtain",
                "[stay|stayed] away altogether",
                "[let|let] the turn go by",
            ),
        },
        fair=("the audience was kind that day", "people clapped at the first note", "the hall was in high spirits"),
        foul=("the audience was cold", "somebody in the front row laughed", "the hall was restless from the start"),
        gain=("{P} was cheered", "flowers were thrown to {P:obj}", "people shook {P:pos} hand"),
        loss=("{P} was laughed at", "whistles followed {P:obj} out", "{P} ran off with burning cheeks"),
    ),
}
