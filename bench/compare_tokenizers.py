#!/usr/bin/env python3
"""Compares BenchTokenizers with Hugging Face's libraries, and measures both.

usage: compare_tokenizers.py make WORK [--mb 100] [--gguf FILE ...]  text of this machine, tokenizers of every kind
       compare_tokenizers.py compare WORK PROGRAM                    ids of the whole text, decoded texts
       compare_tokenizers.py speed WORK PROGRAM [--threads N]        one JSON line a tokenizer
       compare_tokenizers.py vocabularies PROGRAM GGUF...            FILE.inp against FILE.out, as llama.cpp ships them
       compare_tokenizers.py chat PROGRAM TEMPLATE...                rendered chats, against transformers
       compare_tokenizers.py fixtures FILE                           Tests/Fixtures/tokenizers.json
       compare_tokenizers.py chat-fixtures FILE TEMPLATE...          Tests/Fixtures/chats.jsonl

No model hub is needed: small vocabularies are trained with the settings of each family.
"""
import argparse, glob, gzip, itertools, json, os, random, re, subprocess, sys, time
import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

QWEN2 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
DEEPSEEK3 = ["\\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+",
             "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"]
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CASES = ["", " ", "  ", "a", " a", "Hello, world!", "Hello,  world!\n\n\tIndented\r\nCRLF", "don't can't I'LL we've it's 'quoted' 'ſ", "1234567890 3.14159 1e-5 0x1F ½ ² Ⅷ ४२",
         "naïve café — “quotes” … ﬁ Å Å e\u0301 \u1100\u1161\u11a8", "日本語のテキスト。中文，句子。 한국어 문장", "Привет, мир! שלום עולם مرحبا بالعالم नमस्ते ក្រុម", "😀👩‍👩‍👧‍👦🏳️‍🌈\u200d\ufe0f",
         "\u0000\u0001\u007f\u0085\u180e\u00a0\u3000 x", "tabs\t\ttabs   spaces     end   ", "\n\n\nlines\n \n", "\u2581already\u2581marked", "def f(x):\n    return x ** 2  # no\n",
         "<|endoftext|>", " <|im_start|>user\nhi<|im_end|> \n", "<s>not<s> </s> <unk>", "<0x0A> <0xFF>", "a<mask> b <mask>c <word> xwordy word", "https://example.com/a?b=c&d=%20#frag", "𝔘𝔫𝔦 𐍈 \U0010ffff", "a" * 300, "ab " * 60]
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def byte_level(pre, normalizer=None, **bpe):
    t = Tokenizer(models.BPE(**bpe)); t.pre_tokenizer = pre; t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    if normalizer: t.normalizer = normalizer
    return t


def split(*expressions):
    steps = [pre_tokenizers.Split(Regex(e), "isolated", invert=False) for e in expressions]
    return pre_tokenizers.Sequence(steps + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def byte_level_kinds():
    level = lambda **k: pre_tokenizers.ByteLevel(**k)
    yield "gpt2", byte_level(level(add_prefix_space=False))
    yield "gpt2-prefix", byte_level(level(add_prefix_space=True))
    yield "qwen2", byte_level(split(QWEN2), normalizers.NFC())
    yield "llama3", byte_level(split(LLAMA3), ignore_merges=True)
    yield "deepseek3", byte_level(split(*DEEPSEEK3), normalizers.Sequence([]))
    yield "deepseek-coder", byte_level(pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex("[\r\n]"), "isolated"), pre_tokenizers.Split(Regex(r"\s?\p{L}+"), "isolated"), pre_tokenizers.Split(Regex(r"\s?\p{P}+"), "isolated"),
        pre_tokenizers.Split(Regex("[一-龥ࠀ-一가-\ud7ff]+"), "isolated"), pre_tokenizers.Digits(individual_digits=True), level(add_prefix_space=False, use_regex=False)]))
    yield "smollm", byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), level(add_prefix_space=False)]))
    yield "gpt4o", byte_level(split(GPT4O))
    yield "behaviours", byte_level(pre_tokenizers.Sequence([
        pre_tokenizers.Split(" ", "merged_with_previous"), pre_tokenizers.Split(Regex("[0-9]"), "contiguous"), pre_tokenizers.Split("-", "merged_with_next"),
        pre_tokenizers.Punctuation("isolated"), pre_tokenizers.Split(Regex(r"\w+"), "isolated"), pre_tokenizers.Split("\n", "removed"), level(add_prefix_space=False, use_regex=False)]), normalizers.NFKC())


def sentencepiece(train, size, alphabet):
    """One trained vocabulary with byte fallback, and the ways in which models put it to use."""
    t = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    t.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="first", split=True)
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    t.train_from_iterator(train(), trainers.BpeTrainer(vocab_size=size, special_tokens=specials, limit_alphabet=alphabet, show_progress=False))
    j = json.loads(t.to_str())
    j["added_tokens"] = [x for x in j["added_tokens"] if x["content"] in ("<unk>", "<s>", "</s>")]
    # Runs of spaces, as Llama has them; a tokenizer trained on words finds none.
    vocabulary, merges = j["model"]["vocab"], j["model"]["merges"]
    for n in range(2, 9):
        vocabulary["\u2581" * n] = len(vocabulary)
    merges += [["\u2581" * (n // 2), "\u2581" * (n - n // 2)] for n in (2, 4, 8)] + [["\u2581" * (n - 1), "\u2581"] for n in (3, 5, 6, 7)]
    replace = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}
    chain = [replace, {"type": "ByteFallback"}, {"type": "Fuse"}]
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}]
    to_mark = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    legacy = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"}, to_mark]}
    meta = lambda scheme, cut: {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": cut}
    # A token that training has found keeps its id.
    added = lambda i, c, **k: {"id": vocabulary.get(c, i), "content": c, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True, **k}
    n = len(vocabulary)
    extra = [added(n, "<|endoftext|>"), added(n + 1, "<|im_start|>", rstrip=True), added(n + 2, "<mask>", lstrip=True, rstrip=True),
             added(n + 3, "word", single_word=True, special=False, normalized=True), added(n + 4, "  note", special=False, normalized=True)]
    sequence = lambda d: {"type": "Sequence", "decoders": d}
    bos = json.loads(processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)]).__getstate__())
    for name, change in {
        "llama2": dict(normalizer=legacy, pre_tokenizer=None, decoder=sequence(chain + strip)),
        "tinyllama-new": dict(normalizer=None, pre_tokenizer=meta("first", False), decoder=sequence(chain + strip)),
        "metaspace-split": dict(normalizer=None, pre_tokenizer=meta("first", True), decoder=sequence(chain + strip)),
        "metaspace-always": dict(normalizer=None, pre_tokenizer=meta("always", True), decoder={"type": "Metaspace", **{k: v for k, v in meta("always", True).items() if k != "type"}}),
        "phi3": dict(normalizer=legacy, pre_tokenizer=None, decoder=sequence(chain + strip), added_tokens=j["added_tokens"] + extra),
        "gemma": dict(normalizer=to_mark, pre_tokenizer={"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}, decoder=sequence(chain)),
        "nfkc-spm": dict(normalizer={"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}] + legacy["normalizers"]}, pre_tokenizer=None, decoder=sequence(chain + strip)),
    }.items():
        yield name, json.dumps({**j, "post_processor": bos, **change})
    without = json.loads(json.dumps(j))
    dropped = {k for k in vocabulary if re.fullmatch("<0x[0-9A-F]{2}>", k)}
    without["model"]["byte_fallback"] = False
    without["model"]["vocab"] = {k: (i if i < 3 else i - 256) for k, i in vocabulary.items() if k not in dropped}
    for fused in (True, False):
        without["model"]["fuse_unk"] = fused
        yield "unknown-" + ("fused" if fused else "single"), json.dumps({**without, "normalizer": legacy, "pre_tokenizer": None, "decoder": sequence(chain + strip), "post_processor": None})


def kinds(train, size, alphabet, bytes_size=None):
    """(name, tokenizer.json) of every kind."""
    for name, t in byte_level_kinds():
        t.train_from_iterator(train(), trainers.BpeTrainer(vocab_size=bytes_size or size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=SPECIALS, show_progress=False))
        if name == "gpt2":
            t.add_tokens([AddedToken("<mask>", lstrip=True, rstrip=True, normalized=False), AddedToken("word", single_word=True), AddedToken("<word>", normalized=False)])
        yield name, t.to_str()
    yield from sentencepiece(train, size, alphabet)


def text_of(path):
    try:
        with (gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")) as f:
            return f.read(400_000).decode("utf-8")
    except Exception:
        return ""


def machine_text(megabytes):
    """Documentation and source code, and as much again made up: all planes, runs, mixes of everything."""
    files = [f for root in ("/usr/share/doc", "/usr/share/man", "/usr/share/perl", "/usr/share/vim", "/usr/share/i18n", "/usr/share/locale", "/usr/include", os.path.dirname(os.__file__), *sys.path)
             for d, _, names in os.walk(root) if "__pycache__" not in d for f in (os.path.join(d, n) for n in names) if not os.path.islink(f)]
    files = sorted(set(files)); r = random.Random(1); r.shuffle(files)
    documents, total = list(CASES), 0
    for path in files:
        text = text_of(path)
        if len(text) < 200 or "\0" in text:
            continue
        for i in range(0, len(text), 50_000):
            documents.append(text[i:i + 50_000]); total += len(documents[-1].encode())
        if total > megabytes * 0.8e6:
            break
    words = [w for d in documents[30:400] for w in d.split(" ")[:300]]
    planes = [(0x20, 0x7F)] * 4 + [(0x80, 0x800), (0x300, 0x370), (0x600, 0x780), (0x900, 0xE00), (0x1100, 0x1200), (0x1E00, 0x2100), (0x2000, 0x2070), (0x3040, 0x3100), (0x4E00, 0x9FFF), (0xAC00, 0xD7A4), (0xFB00, 0xFFF0), (0x10000, 0x20000), (0x1D400, 0x1D800), (0x1F300, 0x1FA00), (0x20000, 0x30000), (0xE0000, 0x110000)]
    cuts = [" ", "  ", "\n", "\r\n", "\t", "'", "'s", "'LL", "\u0085", "\u00a0", "\u3000", "\u180e", "\u200b", "\u2581", "1", "12345", "<s>", "<|endoftext|>", "word", "<mask>", "\u0301", "\u0323\u0307", ".", "--", "_", "\ufe0f", "\u200d"]
    while total < megabytes * 1e6:
        parts = []
        for _ in range(r.randint(1, 2000)):
            k = r.random()
            if k < 0.35: parts.append(r.choice(words) + " ")
            elif k < 0.6: parts.append(r.choice(cuts) * r.choice((1, 1, 1, 2, 3, 17)))
            else:
                a, b = r.choice(planes)
                parts.append("".join(chr(c) for c in (r.randrange(a, b) for _ in range(r.randint(1, 6))) if not 0xD800 <= c < 0xE000))
        documents.append("".join(parts)); total += len(documents[-1].encode())
    # Every character alone and between letters.
    for start in range(0, 0x110000, 0x400):
        characters = [chr(c) for c in range(start, start + 0x400) if not 0xD800 <= c < 0xE000]
        if characters:
            documents += ["a" + "a".join(characters), " ".join(characters), "".join(characters), "1" + " 1".join(characters)]
    return documents


def from_gguf(path):
    """A GGUF vocabulary as Hugging Face's converters put it: all pairs that are a token, by score, for SentencePiece's."""
    from gguf import GGUFReader
    r = GGUFReader(path); get = lambda k: r.fields[f"tokenizer.ggml.{k}"].contents() if f"tokenizer.ggml.{k}" in r.fields else None
    tokens, kind = get("tokens"), get("token_type")
    vocabulary = {t: i for i, t in enumerate(tokens)}
    added = [AddedToken(t, special=True, normalized=False) for t, k in zip(tokens, kind) if k in (2, 3)]
    if get("model") == "gpt2":
        t = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), vocab=vocabulary, merges=[tuple(m.split(" ")) for m in get("merges")])
    else:
        scores = get("scores"); merges = []
        for token, i in vocabulary.items():
            cuts = [(token[:n], token[n:]) for n in range(1, len(token)) if token[:n] in vocabulary and token[n:] in vocabulary]
            merges += [(scores[i], len(l), len(r), l, r) for l, r in sorted(cuts, key=lambda x: (vocabulary[x[0]], vocabulary[x[1]])) if kind[i] == 1]
        merges.sort(key=lambda m: (-m[0], -m[1], -m[2]))
        t = Tokenizer(models.BPE(vocab=vocabulary, merges=[(m[3], m[4]) for m in merges], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
        t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.add_special_tokens(added)
    return t.to_str()


def vocabularies(a):
    """The strings of FILE.inp must give the ids of FILE.out."""
    bad = 0
    for path in a.gguf:
        texts = open(path + ".inp", newline="").read().split("\n__ggml_vocab_test__\n")
        wanted = [[int(x) for x in l.split()] for l in open(path + ".out").read().split("\n")]
        with open("/tmp/bench-vocabulary.jsonl", "w") as f:
            for t in texts: f.write(json.dumps(t) + "\n")
        subprocess.run([a.program, "encode", path, "/tmp/bench-vocabulary.jsonl", "/tmp/bench-vocabulary.bin"], check=True)
        words = list(np.fromfile("/tmp/bench-vocabulary.bin", np.int32)); place = wrong = 0
        for t, w in zip(texts, wanted):
            n = words[place]; ours = words[place + 1:place + 1 + n]; place += 1 + n
            if ours != w: wrong += 1; print(f"{os.path.basename(path)} {t!r}: wanted {w[:12]}, ours {[int(x) for x in ours[:12]]}")
        print(f"{os.path.basename(path)}: {len(texts)} strings, {wrong} wrong"); bad += wrong
    sys.exit(1 if bad else 0)


def make(a):
    os.makedirs(a.work, exist_ok=True)
    documents = machine_text(a.mb)
    with open(f"{a.work}/documents.jsonl", "w") as f:
        for d in documents: f.write(json.dumps(d, ensure_ascii=False) + "\n")
    size = sum(len(d.encode()) for d in documents)
    print(f"{len(documents)} documents, {size / 1e6:.1f} MB", flush=True)
    sample = random.Random(3).sample(documents[len(CASES):], min(len(documents) - len(CASES), 250))
    for name, text in kinds(lambda: iter(sample), a.vocabulary, 700):
        open(f"{a.work}/{name}.json", "w").write(text); print(name, flush=True)
    for path in a.gguf:
        name = os.path.basename(path)[:-5]
        try: open(f"{a.work}/gguf-{name}.json", "w").write(from_gguf(path)); print(f"gguf-{name}", flush=True)
        except Exception as error: print(f"gguf-{name}: no conversion: {error!r}", flush=True)


def names(a): return [f"{a.work}/{n}.json" for n in a.only.split(",")] if a.only else sorted(glob.glob(f"{a.work}/*.json"))


def compare(a):
    documents = [json.loads(l) for l in open(f"{a.work}/documents.jsonl")]
    wrong = 0
    for path in names(a):
        name = os.path.basename(path)[:-5]
        program = subprocess.run([a.program, "encode", path, f"{a.work}/documents.jsonl", f"{a.work}/ids.bin", "--texts", f"{a.work}/texts.jsonl"], stderr=subprocess.PIPE, text=True)
        if program.returncode: print(f"{name:18} REFUSED {program.stderr.strip()[:200]}"); wrong += 1; continue
        words = np.fromfile(f"{a.work}/ids.bin", np.int32); place = 0
        texts = [json.loads(l) for l in open(f"{a.work}/texts.jsonl")]
        t = Tokenizer.from_file(path); bad = bad_text = 0; first = ""
        for start in range(0, len(documents), 500):
            part = documents[start:start + 500]
            for d, e, ours_text in zip(part, t.encode_batch(part, add_special_tokens=False), texts[start:start + 500]):
                n = words[place]; ours = words[place + 1:place + 1 + n]; place += 1 + n
                theirs = np.array(e.ids, np.int32)
                if len(theirs) != n or not np.array_equal(ours, theirs):
                    bad += 1
                    if bad <= a.show:
                        i = next((i for i, (x, y) in enumerate(zip(ours, theirs)) if x != y), min(n, len(theirs)))
                        at = e.offsets[min(i, len(e.offsets) - 1)][0] if e.offsets else 0
                        first += f"\n    {d[max(0, at - 12):at + 12]!r} theirs {[t.id_to_token(int(x)) for x in theirs[i:i + 4]]} ours {[t.id_to_token(int(x)) for x in ours[i:i + 4]]}"
                elif ours_text != (their_text := t.decode(e.ids, skip_special_tokens=False)):
                    bad_text += 1
                    if bad_text <= a.show:
                        i = next((i for i, (x, y) in enumerate(zip(ours_text, their_text)) if x != y), min(len(ours_text), len(their_text)))
                        first += f"\n    text theirs {their_text[max(0, i - 9):i + 9]!r} ours {ours_text[max(0, i - 9):i + 9]!r}"
        wrong += bad + bad_text
        print(f"{name:18} {len(documents)} documents, {bad} differ in ids, {bad_text} in text{first}", flush=True)
    sys.exit(1 if wrong else 0)


def speed(a):
    os.environ["RAYON_NUM_THREADS"] = str(a.threads); os.environ["TOKENIZERS_PARALLELISM"] = "true" if a.threads > 1 else "false"
    prose = [json.loads(l) for l in open(f"{a.work}/documents.jsonl")]
    prose = [d for d in prose if len(d) > 2000 and d.isascii()][:160]
    with open(f"{a.work}/speed.jsonl", "w") as f:
        for d in prose: f.write(json.dumps(d) + "\n")
    megabytes = sum(len(d.encode()) for d in prose) / 1e6
    for path in names(a):
        t = Tokenizer.from_file(path); theirs = []
        for _ in range(3):
            s = time.perf_counter(); t.encode_batch_fast(prose, add_special_tokens=False); theirs.append(megabytes / (time.perf_counter() - s))
        ours = json.loads(subprocess.run([a.program, "speed", path, f"{a.work}/speed.jsonl", "--threads", str(a.threads), "--passes", "5"], stdout=subprocess.PIPE, check=True).stdout)
        peer = sorted(theirs)[1]
        print(json.dumps({"bench": "tokenizers", "case": os.path.basename(path)[:-5], "threads": a.threads, "ours": round(ours["mb_per_s"], 2), "peer": round(peer, 2), "peer_name": "tokenizers", "unit": "MB/s", "ratio": round(ours["mb_per_s"] / peer, 2), "runs": 5,
                          "peak_rss_ratio": None, "limit": None, "share_of_limit": None, "first_pass": round(ours["first_mb_per_s"], 2)}), flush=True)


TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "The <weather> & \"more\" für Städte", "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "City", "enum": ["a", "b"]}, "days": {"type": "integer", "default": 3}}, "required": ["city"]}}},
         {"type": "function", "function": {"name": "now", "description": "Time", "parameters": {"type": "object", "properties": {}}}}]


def chats():
    u = lambda c: {"role": "user", "content": c}; s = lambda c: {"role": "system", "content": c}
    def m(c, **k): return {"role": "assistant", "content": c, **k}
    call = {"id": "abcdefghi", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Paris \"é\" <x>", "days": 2, "deep": {"a": [1, 2.5, None, True]}}}}
    tool = {"role": "tool", "name": "get_weather", "tool_call_id": "abcdefghi", "content": "sunny"}
    yield from {"one": [u("Hello, world!")], "system": [s("You are  helpful.\n"), u(" Hi there \n")], "turns": [s("Be brief."), u("1+1?"), m(" 2 "), u("2+2?"), m("4\n\n"), u("ok — 日本語 😀 é")],
                "thinking": [u("q"), m("<think>\nhmm\n</think>\n\nanswer"), u("more"), m("<think>x</think>y")], "reasoning": [u("q"), m("answer", reasoning_content="I think"), u("r")],
                "tools": [s("sys"), u("weather?"), m("", tool_calls=[call]), tool, m("It is sunny."), u("thanks")], "calls": [u("weather?"), m(None, tool_calls=[call, call]), tool, {**tool, "content": "{\"t\": 1}"}],
                "text call": [u("time?"), m("let me see", tool_calls=[{"type": "function", "function": {"name": "now", "arguments": "{}"}}]), {"role": "tool", "content": "12:00"}],
                "parts": [u([{"type": "text", "text": "Hello "}, {"type": "text", "text": "parts"}]), m("r"), u("x")], "wrong": [m("first"), u("then")], "twice": [u("a"), u("b")], "alone": [s("s")], "none": [], "roles": [{"role": "ipython", "content": "out"}, {"role": "developer", "content": "dev"}, u("")]}.items()


def chat(a):
    from transformers.utils.chat_template_utils import render_jinja_template
    cases = []
    for path in a.templates:
        source = open(path, newline="").read()
        for (name, messages), tools, prompt in itertools.product(chats(), (None, TOOLS), (False, True)):
            for extra in ({}, {"enable_thinking": False}) if name in ("one", "turns") and not tools else ({},):
                cases.append((os.path.basename(path), name, dict(template=source, messages=messages, tools=tools, add_generation_prompt=prompt, variables={"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", **extra})))
    file = "/tmp/bench-chats.jsonl"
    with open(file, "w") as f:
        for case in cases: f.write(json.dumps(case[2], ensure_ascii=False) + "\n")
    answers = [json.loads(l) for l in subprocess.run([a.program, "chat", file], stdout=subprocess.PIPE, check=True).stdout.decode().split("\n") if l]
    assert len(answers) == len(cases)
    count, shown = {}, set()
    for (path, name, case), answer in zip(cases, answers):
        try:
            text = render_jinja_template([case["messages"]], tools=case["tools"], chat_template=case["template"], add_generation_prompt=case["add_generation_prompt"], **case["variables"])[0][0]
        except Exception as error: text = None; reason = repr(error)
        if text is not None and answer.get("text") == text: kind = "same"
        elif text is None and "error" in answer: kind = "both refuse"
        elif "not supported" in answer.get("error", ""): kind = "refused by us"
        else: kind = "DIFFERENT"
        count[kind] = count.get(kind, 0) + 1
        if kind in ("refused by us", "DIFFERENT") and (path, kind, answer.get("error")) not in shown and len([x for x in shown if x[0] == path]) < 3:
            shown.add((path, kind, answer.get("error")))
            print(f"{kind}: {path}, chat {name}: {answer.get('error', '')}" + (f"\n  theirs {text!r:.600}\n  ours   {answer.get('text')!r:.600}" if kind == "DIFFERENT" else ""))
    print(count); sys.exit(1 if "DIFFERENT" in count else 0)


def chat_fixtures(a):
    from transformers.utils.chat_template_utils import render_jinja_template
    result = []
    for path in a.templates:
        source = open(path, newline="").read()
        for (name, messages), tools in itertools.product(chats(), (None, TOOLS)):
            case = dict(template=os.path.basename(path), chat=name, messages=messages, tools=tools, add_generation_prompt=tools is None, variables={"bos_token": "<s>", "eos_token": "</s>"})
            try: case["text"] = render_jinja_template([messages], tools=tools, chat_template=source, add_generation_prompt=tools is None, **case["variables"])[0][0]
            except Exception as error: case["error"] = str(error)
            result.append(case)
    with open(a.file, "w") as f:
        for case in result: f.write(json.dumps(case, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(len(result), "chats,", os.path.getsize(a.file), "bytes")


def fixtures(a):
    train = lambda: iter(CASES * 3 + ["the cat sat on the mat, the bat sat on the cat; that was that. She said: it's 2024 — naïve café"] * 20)
    result = []
    for name, text in kinds(train, 420, 60, 330):
        t = Tokenizer.from_str(text)
        encodings = [t.encode(c, add_special_tokens=False) for c in CASES[:-2]]
        result.append({"name": name, "tokenizer": text, "ids": [e.ids for e in encodings], "texts": [t.decode(e.ids, skip_special_tokens=False) for e in encodings], "framed": [t.encode(c).ids for c in CASES[:8]]})
    json.dump({"cases": CASES[:-2], "tokenizers": result}, open(a.file, "w"), ensure_ascii=False, separators=(",", ":"))
    print(len(result), "tokenizers,", os.path.getsize(a.file), "bytes")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter); s = p.add_subparsers(required=True)
    c = s.add_parser("make"); c.set_defaults(run=make); c.add_argument("work"); c.add_argument("--mb", type=float, default=100); c.add_argument("--vocabulary", type=int, default=8000); c.add_argument("--gguf", nargs="*", default=[])
    for name, run in (("compare", compare), ("speed", speed)):
        c = s.add_parser(name); c.set_defaults(run=run); c.add_argument("work"); c.add_argument("program"); c.add_argument("--only", default=""); c.add_argument("--show", type=int, default=3); c.add_argument("--threads", type=int, default=1)
    c = s.add_parser("vocabularies"); c.set_defaults(run=vocabularies); c.add_argument("program"); c.add_argument("gguf", nargs="+")
    c = s.add_parser("chat"); c.set_defaults(run=chat); c.add_argument("program"); c.add_argument("templates", nargs="+")
    c = s.add_parser("fixtures"); c.set_defaults(run=fixtures); c.add_argument("file")
    c = s.add_parser("chat-fixtures"); c.set_defaults(run=chat_fixtures); c.add_argument("file"); c.add_argument("templates", nargs="+")
    a = p.parse_args(); a.run(a)


if __name__ == "__main__":
    main()
