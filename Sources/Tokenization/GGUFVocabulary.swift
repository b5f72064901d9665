package import Checkpoints
internal import Foundation

extension Tokenizer {
  /// The tokenizer inside a GGUF file; its `json` is what other programs read the same from.
  ///
  /// - Throws: what the file lacks, or which of its features is not supported.
  package convenience init(gguf file: GGUFFile) throws(TokenizerError) {
    try self.init(json: try GGUFVocabulary.tokenizerJSON(file))
  }

  convenience init(gguf url: URL) throws(TokenizerError) {
    let file: GGUFFile
    do throws(GGUFError) {
      file = try GGUFFile(mapping: url)
    } catch {
      throw TokenizerError(error)
    }
    try self.init(gguf: file)
  }
}

/// A GGUF file's vocabulary as a `tokenizer.json` that cuts text in the same way.
///
/// Two kinds are there: `gpt2`, byte-level BPE whose merges are listed, and `llama`, where any two
/// neighbours that together are a token may be merged, the highest score first, the leftmost among
/// equals. The second becomes a list of all such pairs in the order of their scores.
struct GGUFVocabulary {
  private let file: GGUFFile
  private let tokens: [String]
  private let kinds: [Int]

  /// `tokenizer.ggml.token_type`.
  private enum Kind {
    static let normal = 1
    static let unknown = 2
    static let control = 3
    static let userDefined = 4
    static let unused = 5
  }

  static func tokenizerJSON(_ file: GGUFFile) throws(TokenizerError) -> Data {
    let vocabulary: Result<GGUFVocabulary, GGUFError>
    do throws(GGUFError) {
      vocabulary = .success(try GGUFVocabulary(file))
    } catch {
      vocabulary = .failure(error)
    }
    switch vocabulary {
    case .success(let vocabulary): return Data(try vocabulary.json().utf8)
    case .failure(let error): throw TokenizerError(error)
    }
  }

  private init(_ file: GGUFFile) throws(GGUFError) {
    self.file = file
    tokens = try file.require("tokenizer.ggml.tokens", file.strings)
    let kinds = try file.integers("tokenizer.ggml.token_type") ?? []
    self.kinds = kinds.isEmpty ? [Int](repeating: Kind.normal, count: tokens.count) : kinds
  }

  private func get<Value>(
    _ key: String, _ read: (String) throws(GGUFError) -> Value?
  ) throws(TokenizerError) -> Value? {
    do throws(GGUFError) {
      return try read("tokenizer.ggml.\(key)")
    } catch {
      throw TokenizerError(error)
    }
  }

  private func json() throws(TokenizerError) -> String {
    guard kinds.count == tokens.count else {
      throw .malformed(field: "tokenizer.ggml.token_type", expected: "\(tokens.count) types")
    }
    let model = try get("model", file.string) ?? ""
    let parts: (text: String, addsBeginOfText: Bool)
    switch model {
    case "gpt2": parts = try byteLevel()
    case "llama": parts = try scored()
    default: throw .unsupported(feature: "tokenizer.ggml.model \(model)")
    }
    return """
      {"version":"1.0","truncation":null,"padding":null,
      "added_tokens":[\(try addedTokens())],
      "post_processor":\(try frame(addsBeginOfText: parts.addsBeginOfText)),
      \(parts.text)}
      """
  }

  private var vocabulary: String {
    tokens.enumerated().map { "\(JSONText.quoted($0.element)):\($0.offset)" }
      .joined(separator: ",\n")
  }

  private func addedTokens() throws(TokenizerError) -> String {
    // Phi-3's own file says so; a GGUF file has no place for it.
    var isPhi3 = false
    if case .string(let name)? = file.metadata["general.name"] {
      isPhi3 = name.lowercased().contains("phi-3")
    }
    let keptSpaces: Set = ["<unk>", "<s>", "<|endoftext|>"]
    var lines: [String] = []
    for (id, token) in tokens.enumerated() where !token.isEmpty {
      let kind = kinds[id]
      guard [Kind.unknown, Kind.control, Kind.userDefined].contains(kind) else { continue }
      let takesSpaces =
        isPhi3 && (kind == Kind.control || token == "</s>") && !keptSpaces.contains(token)
      lines.append(
        #"{"id":\#(id),"content":\#(JSONText.quoted(token)),"single_word":false,"lstrip":false,"#
          + #""rstrip":\#(takesSpaces),"normalized":false,"special":\#(kind != Kind.userDefined)}"#)
    }
    return lines.joined(separator: ",\n")
  }

  /// What stands around a text that a model reads.
  private func frame(addsBeginOfText absent: Bool) throws(TokenizerError) -> String {
    func piece(_ name: String, when isAdded: Bool) throws(TokenizerError) -> Int? {
      guard isAdded, let id = try get("\(name)_token_id", file.integer) else { return nil }
      guard tokens.indices.contains(id) else {
        throw .malformed(field: "tokenizer.ggml.\(name)_token_id", expected: "a token's id")
      }
      return id
    }
    let before = try piece("bos", when: try get("add_bos_token", file.bool) ?? absent)
    let after = try piece("eos", when: try get("add_eos_token", file.bool) ?? false)
    guard before != nil || after != nil else { return "null" }
    func special(_ id: Int) -> String {
      #"{"SpecialToken":{"id":\#(JSONText.quoted(tokens[id])),"type_id":0}}"#
    }
    let pieces =
      [before.map(special), #"{"Sequence":{"id":"A","type_id":0}}"#, after.map(special)]
      .compactMap(\.self).joined(separator: ",")
    let definitions = Set([before, after].compactMap(\.self)).sorted().map { id in
      let name = JSONText.quoted(tokens[id])
      return #"\#(name):{"id":\#(name),"ids":[\#(id)],"tokens":[\#(name)]}"#
    }
    return #"{"type":"TemplateProcessing","single":[\#(pieces)],"pair":[\#(pieces),"#
      + #"{"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"#
      + definitions.joined(separator: ",") + "}}"
  }

  private func byteLevel() throws(TokenizerError) -> (text: String, addsBeginOfText: Bool) {
    let name = try get("pre", file.string) ?? "default"
    guard let rule = GGUFPreTokenizer(name: name) else {
      throw .unsupported(feature: "tokenizer.ggml.pre \(name)")
    }
    guard let merges = try get("merges", file.strings) else {
      throw .malformed(field: "tokenizer.ggml.merges", expected: "a list of merges")
    }
    let steps = rule.expressions.map {
      #"{"type":"Split","pattern":{"Regex":\#(JSONText.quoted($0))},"behavior":"Isolated","#
        + #""invert":false},"#
    }
    let level = #"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"#
    let text = """
      "normalizer":null,
      "pre_tokenizer":{"type":"Sequence","pretokenizers":[\(steps.joined())
      \(level)"use_regex":false}]},
      "decoder":\(level)"use_regex":true},
      "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,
      "end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,
      "ignore_merges":\(rule.ignoresMerges),
      "vocab":{\(vocabulary)},
      "merges":[\(merges.map(JSONText.quoted).joined(separator: ",\n"))]}
      """
    return (text, rule.addsBeginOfText)
  }

  private func scored() throws(TokenizerError) -> (text: String, addsBeginOfText: Bool) {
    for key in ["remove_extra_whitespaces"] where try get(key, file.bool) ?? false {
      throw .unsupported(feature: "tokenizer.ggml.\(key)")
    }
    if file.metadata["tokenizer.ggml.precompiled_charsmap"] != nil {
      throw .unsupported(feature: "tokenizer.ggml.precompiled_charsmap")
    }
    guard let scores = try get("scores", file.numbers), scores.count == tokens.count else {
      throw .malformed(field: "tokenizer.ggml.scores", expected: "\(tokens.count) scores")
    }
    let isPrefixed = try get("add_space_prefix", file.bool) ?? true
    let merges = try ScoredMerges.pairs(
      tokens: tokens, scores: scores,
      isText: kinds.map { [Kind.normal, Kind.userDefined, Kind.unused].contains($0) })
    let unknown = kinds.firstIndex(of: Kind.unknown).map { JSONText.quoted(tokens[$0]) } ?? "null"
    let prepend = isPrefixed ? #"{"type":"Prepend","prepend":"▁"},"# : ""
    let strip = isPrefixed ? #",{"type":"Strip","content":" ","start":1,"stop":0}"# : ""
    let pairs = merges.map { "[\(JSONText.quoted($0.left)),\(JSONText.quoted($0.right))]" }
    let text = """
      "normalizer":{"type":"Sequence","normalizers":[\(prepend)
      {"type":"Replace","pattern":{"String":" "},"content":"▁"}]},
      "pre_tokenizer":null,
      "decoder":{"type":"Sequence","decoders":[
      {"type":"Replace","pattern":{"String":"▁"},"content":" "},
      {"type":"ByteFallback"},{"type":"Fuse"}\(strip)]},
      "model":{"type":"BPE","dropout":null,"unk_token":\(unknown),
      "continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":true,
      "byte_fallback":true,"ignore_merges":false,
      "vocab":{\(vocabulary)},
      "merges":[\(pairs.joined(separator: ",\n"))]}
      """
    return (text, true)
  }
}

extension TokenizerError {
  /// A GGUF file's problem as one of its tokenizer.
  fileprivate init(_ error: GGUFError) {
    self = .unavailable(path: error.path, reason: error.description)
  }
}
