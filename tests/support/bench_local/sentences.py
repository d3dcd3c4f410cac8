"""Sentences that were written for this measurement: no recogniser can have learnt them. None has a number in it."""

SENTENCES = """
The ferry leaves the harbour as soon as the fog has lifted.
My neighbour repairs old clocks in a shed behind her house.
Nobody had told the gardener that the fountain was broken.
We carried the piano up the stairs on the hottest day of July.
The bakery on the corner closes early when it rains.
She keeps her grandfather's letters in a biscuit tin.
A fox crossed the railway line just before the train came.
Please write your name on the inside of the lid.
The orchestra rehearsed the quiet passage again and again.
He forgot his umbrella in the dentist's waiting room.
The museum lends its oldest maps only to libraries.
Fresh snow covered the tracks before anybody could follow them.
Could you ask the driver whether this bus stops at the hospital?
The committee postponed the vote because the lights went out.
Children from both villages share the same playground.
An electrician found the fault behind the kitchen cupboard.
The soup tastes better if you let it rest overnight.
They painted the boat green, although the captain wanted blue.
Our teacher could name every bird by its song.
The wind blew the washing into the orchard.
I would rather walk than wait for another taxi.
The judge listened patiently to the shepherd's complaint.
Somebody left a bicycle leaning against the statue.
The new bridge sways a little when lorries drive over it.
Her brother studies the history of glass in Venice.
We heard the waterfall long before we saw it.
The pharmacist explained how often the drops should be taken.
Dust had gathered on the microphone in the empty studio.
The last page of the diary was written in pencil.
Farmers here have always planted beans beside the maize.
The librarian whispered that the reading room was full.
Two sailors argued about the name of the island.
It takes patience to teach a parrot a polite word.
The cellar stays cool even in the middle of August.
He bought the tickets without looking at the date.
The nurse opened the curtains and wished everyone a good morning.
A broken branch blocked the path to the chapel.
The engineer measured the crack in the wall every month.
My aunt never travels without her own pillow.
The market smelled of oranges and wet cardboard.
Do not touch the fence while the current is switched on.
The choir sang so softly that we could hear the candles burn.
The postman knows which dogs are friendly.
Rust had eaten a hole in the bottom of the bucket.
Their daughter wants to become an astronomer or a carpenter.
The guide warned us about the loose stones.
In spring the river floods the meadow behind the mill.
The tailor promised to shorten the sleeves by Friday.
Every window in the street was dark except one.
The old man laughed until his glasses slipped from his nose.
""".strip().splitlines()

#: The same in other languages, by Whisper's codes.
FOREIGN = {
    "de": """
Guten Morgen. Der Bäcker an der Ecke schließt heute früher. Wir treffen uns am Abend im Garten hinter dem Haus.
Das Wetter ist für diese Jahreszeit sehr schön. Meine Nachbarin repariert alte Uhren. Niemand hatte dem Gärtner
gesagt, dass der Brunnen kaputt ist. Der Wind wehte die Wäsche in den Garten. Unser Lehrer erkannte jeden Vogel an
seiner Stimme. Die Kinder aus beiden Dörfern spielen auf demselben Platz. Im Frühling steht die Wiese hinter der Mühle
unter Wasser. Er hat seinen Regenschirm beim Zahnarzt vergessen. Die Suppe schmeckt besser, wenn sie über Nacht steht.
""",
    "fr": """
Bonjour à tous. La boulangerie ferme plus tôt aujourd'hui. Nous nous retrouvons ce soir dans le jardin derrière la
maison. Le temps est très beau pour la saison. Ma voisine répare de vieilles horloges. Personne n'avait dit au jardinier
que la fontaine était cassée. Le vent a emporté le linge dans le jardin. Notre professeur reconnaît chaque oiseau à son
chant. Les enfants des deux villages jouent sur la même place. Au printemps, la rivière inonde la prairie derrière le
moulin. Il a oublié son parapluie chez le dentiste. La soupe est meilleure quand elle repose toute la nuit.
""",
}

#: A song that is older than any copyright: its words, and for each syllable a note (MIDI's number) and its beats.
SUNG = (
    ("row", 60, 1), ("row", 60, 1), ("row", 60, 0.75), ("your", 62, 0.25), ("boat", 64, 1),
    ("gently", (64, 62), (0.75, 0.25)), ("down", 64, 0.75), ("the", 65, 0.25), ("stream", 67, 2),
    ("merrily", (72, 72, 72), 0.34), ("merrily", (67, 67, 67), 0.34), ("merrily", (64, 64, 64), 0.34),
    ("merrily", (60, 60, 60), 0.34), ("life", 67, 0.75), ("is", 65, 0.25), ("but", 64, 0.75), ("a", 62, 0.25),
    ("dream", 60, 2),
)  # fmt: skip

#: The text that is read in recordings of the package moonshine-voice, by their files in its assets.
READ = {
    "two_cities.wav": """
It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness,
it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of
Darkness, it was the spring of hope, it was the winter of despair, we had everything before us, we had nothing
before us, we were all going direct to Heaven, we were all going direct the other way - in short, the period
was so far like the present period, that some of its noisiest authorities insisted on its being received, for
good or for evil, in the superlative degree of comparison only.
""",
    "beckett.wav": """
Ever tried. Ever failed. No matter. Try again. Fail again. Fail better.
""",
}
