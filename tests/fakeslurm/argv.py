"""Command lines as getopt_long reads them: clustered letters, ``--name=value``, unambiguous beginnings of names."""

from fakeslurm.program import RefusedError

REQUIRED, NONE, OPTIONAL = ":", "", "::"


class Table:
    """A program's options: long name -> what it takes, and the short letters of some."""

    def __init__(self, program, shorts, usage_code=1, **longs):
        """``required``, ``none``, ``optional``: names that take such a value. ``shorts``: ``a=all b=batch``."""
        self.program = program
        takes = {"required": REQUIRED, "none": NONE, "optional": OPTIONAL}
        self.longs = {name: takes[kind] for kind, names in longs.items() for name in names.split()}
        self.shorts = dict(pair.split("=") for pair in shorts.split())
        self.usage_code = usage_code

    def parse(self, argv, anywhere=False):
        """([(name, value or None)], the remaining words). ``anywhere``: options may follow plain words."""
        words = list(argv)
        options, rest = [], []
        while words:
            word = words.pop(0)
            if word == "--":
                return options, rest + words
            if word.startswith("--"):
                options.append(self._long(word[2:], words))
            elif word.startswith("-") and word != "-":
                self._short(word[1:], words, options)
            elif anywhere:
                rest.append(word)
            else:
                return options, [word, *words]
        return options, rest

    def _long(self, word, words):
        name, equals, value = word.partition("=")
        name = self._full(name)
        takes = self.longs[name]
        if equals:
            if takes == NONE:
                self._usage(f"option '--{name}' doesn't allow an argument")
            return name, value
        return name, self._value(f"option '--{name}' requires an argument", takes, words)

    def _full(self, name):
        if name in self.longs:
            return name
        fitting = [known for known in self.longs if name and known.startswith(name)]
        if len(fitting) > 1:
            possible = " ".join(f"'--{known}'" for known in fitting)
            self._usage(f"option '--{name}' is ambiguous; possibilities: {possible}")
        if not fitting:
            self._usage(f"unrecognized option '--{name}'")
        return fitting[0]

    def _short(self, letters, words, options):
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter not in self.shorts:
                self._usage(f"invalid option -- '{letter}'")
            name = self.shorts[letter]
            if self.longs[name] == NONE:
                options.append((name, None))
                continue
            value = letters or self._value(
                f"option requires an argument -- '{letter}'", self.longs[name], words
            )
            options.append((name, value))
            return

    def _value(self, complaint, takes, words):
        if takes != REQUIRED:
            return None
        if not words:
            self._usage(complaint)
        return words.pop(0)

    def _usage(self, complaint):
        raise RefusedError(
            f'{self.program}: {complaint}\nTry "{self.program} --help" for more information', self.usage_code
        )
