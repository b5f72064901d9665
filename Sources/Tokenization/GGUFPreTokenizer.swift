/// How the pre-tokenizer that a GGUF file names (`tokenizer.ggml.pre`) cuts text.
///
/// A file gives the name only. The expressions are those of the models' own `tokenizer.json`, as far
/// as they are known; each makes pieces of its matches, one after the other.
struct GGUFPreTokenizer {
  let expressions: [String]
  /// Whether a piece that is a token stays one, whatever its merges say.
  var ignoresMerges = false
  /// Whether a text begins with the begin-of-text token when the file does not say.
  var addsBeginOfText = false

  /// - Returns: nil for a name whose expressions are not known.
  init?(name: String) {
    guard let expressions = Self.expressions(of: name) else { return nil }
    self.expressions = expressions
    switch name {
    case "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
      "tekken":
      ignoresMerges = true
      addsBeginOfText = true
    case "glm4": ignoresMerges = true
    default: break
    }
  }

  private static func expressions(of name: String) -> [String]? {
    switch name {
    case "gpt-2", "mpt", "olmo", "jais", "phi-2", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de",
      "gigachat", "a.x-4.0", "mellum", "modern-bert", "exaone4", "trillion", "granite-docling":
      [PreTokenizer.byteLevelExpression]
    case "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b":
      [#"\p{N}"#, PreTokenizer.byteLevelExpression]
    case "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
      "dbrx", "smaug-bpe", "chatglm-bpe", "glm4":
      [words(digits: #"\p{N}{1,3}"#)]
    case "qwen2", "deepseek-r1-qwen", "kormo", "megrez", "stablelm2", "hunyuan", "grok-2",
      "solar-open":
      [words(digits: #"\p{N}"#)]
    case "qwen35": [qwen35]
    case "deepseek-v3", "hunyuan-dense", "joyai-llm":
      [#"\p{N}{1,3}"#, #"[\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+"#, deepSeek3]
    case "deepseek-llm":
      [
        #"[\r\n]"#, #"\s?["# + deepSeekLetters + "]+",
        #"\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+"#,
        #"\s+$"#, deepSeekIdeographs, #"\p{N}+"#,
      ]
    case "deepseek-coder":
      [#"[\r\n]"#, #"\s?\p{L}+"#, #"\s?\p{P}+"#, deepSeekIdeographs, #"\p{N}"#]
    case "tekken": [cased(contractions: "", digits: #"\p{N}"#)]
    case "gpt-4o", "llama4": [cased(contractions: contractions + "?", digits: #"\p{N}{1,3}"#)]
    case "falcon":
      [#"[\p{P}\$\+<=>\^~\|`]+"#, PreTokenizer.byteLevelExpression, "[0-9][0-9][0-9]"]
    case "bailingmoe", "bailingmoe2", "llada-moe": [bailing]
    case "seed-coder": [seedCoder]
    case "bloom", "gpt3-finnish", "poro-chat": [bloom]
    case "viking": [bloom, #"\p{N}"#]
    case "default":
      [
        #"[\p{P}\$\+<=>\^~\|]+"#, PreTokenizer.byteLevelExpression, #"\p{N}+"#,
        "[0-9][0-9][0-9]",
      ]
    default: nil
    }
  }

  private static let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"

  /// The family of Llama 3 and Qwen 2, who differ in how many digits go together.
  private static func words(digits: String) -> String {
    contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  /// The family of GPT-4o, which also cuts where lower case ends.
  private static func cased(contractions: String, digits: String) -> String {
    let (upper, lower) = (#"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#, #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#)
    return #"[^\r\n\p{L}\p{N}]?"# + upper + "*" + lower + "+" + contractions
      + #"|[^\r\n\p{L}\p{N}]?"# + upper + "+" + lower + "*" + contractions + "|" + digits
      + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  private static let qwen35 =
    contractions + #"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}"#
    + #"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  private static let bailing =
    #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}"#
    + #"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#

  private static let seedCoder =
    contractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}"#
    + #"| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"#

  private static let bloom =
    #" ?[^(\s|.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{0964}\x{06D4}\x{060C})]+"#

  private static let deepSeek3 =
    ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
    + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  private static let deepSeekIdeographs =
    #"[\x{4E00}-\x{9FA5}\x{0800}-\x{4E00}\x{AC00}-\x{D7FF}]+"#

  /// Letters that have two cases.
  private static let deepSeekLetters =
    ""
    + #"A-Za-z\x{00B5}\x{00C0}-\x{00D6}\x{00D8}-\x{00F6}\x{00F8}-\x{01BA}"#
    + #"\x{01BC}-\x{01BF}\x{01C4}-\x{0293}\x{0295}-\x{02AF}\x{0370}-\x{0373}\x{0376}"#
    + #"\x{0377}\x{037B}-\x{037D}\x{037F}\x{0386}\x{0388}-\x{038A}\x{038C}"#
    + #"\x{038E}-\x{03A1}\x{03A3}-\x{03F5}\x{03F7}-\x{0481}\x{048A}-\x{052F}"#
    + #"\x{0531}-\x{0556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD}"#
    + #"\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}"#
    + #"\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}"#
    + #"\x{1F48}-\x{1F4D}\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}"#
    + #"\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}"#
    + #"\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}"#
    + #"\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}"#
    + #"\x{2124}\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}"#
    + #"\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184}\x{2C00}-\x{2C7B}"#
    + #"\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}"#
    + #"\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E}"#
    + #"\x{AB70}-\x{ABBF}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}"#
    + #"\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}"#
    + #"\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}\x{1E900}-\x{1E943}"#
}
