internal import Crypto
package import Foundation

/// A BPE tokenizer: any text to token ids, and back.
///
/// A text is cut at added tokens first, normalized, and cut by the pre-tokenizer's expressions into
/// pieces; the bytes or characters of a piece are merged pair by pair in the order that training
/// found. Where every byte is a token, no text is unknown and none is lost.
package final class Tokenizer: Sendable {
  /// The `tokenizer.json` that this is, byte for byte.
  package let json: Data
  /// SHA-256 of `json` in hexadecimal: what a trace remembers of its tokenizer.
  package let sha256: String
  /// One more than the highest id.
  package let vocabularySize: Int

  let normalizers: [Normalizer]
  let preTokenizers: [PreTokenizer]
  /// Whether every step of `preTokenizers` only cuts.
  let onlySplits: Bool
  let model: BytePairModel
  /// Found in the text as it is, and in the normalized text.
  let addedTokens: AddedTokenMatcher
  let normalizedTokens: AddedTokenMatcher
  let decoding: TokenDecoding
  let frame: TokenFrame

  /// The ids of tokens such as `<|endoftext|>`, which a text's ordinary words never become.
  package let addedTokenIDs: Set<Int32>
  /// Those of them that mark up a text and are no part of it.
  package let specialTokenIDs: Set<Int32>

  /// The bytes of all tokens one after the other; those of token i end at `tokenEnds[i]`.
  private let tokenBytes: [UInt8]
  private let tokenEnds: [Int]
  /// How many bytes of normalized text each token covers.
  let coveredBytes: [Int32]
  /// Whether a token is a single byte of a character.
  let isByteToken: [Bool]
  private let tokenTexts: ByteStringTable
  private let textIDs: [Int32]
  let scratchPool = EncodingScratch.Pool()

  /// Larger than any tokenizer in use, and a bound on what a hostile file can cost.
  private static let fileBytesMax = 256 << 20

  /// Reads a `tokenizer.json`, or the tokenizer inside a GGUF file.
  ///
  /// - Throws: what is wrong with the file, or which of its features is not supported.
  package convenience init(contentsOf url: URL) throws(TokenizerError) {
    if let start = try? FileHandle(forReadingFrom: url).read(upToCount: 4),
      start == Data("GGUF".utf8)
    {
      try self.init(gguf: url)
      return
    }
    let data: Data
    do {
      let bytes = try url.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
      guard bytes <= Self.fileBytesMax else {
        throw TokenizerError.unavailable(
          path: url.path, reason: "\(bytes) bytes are more than \(Self.fileBytesMax)")
      }
      data = try Data(contentsOf: url)
    } catch let error as TokenizerError {
      throw error
    } catch {
      throw .unavailable(path: url.path, reason: error.localizedDescription)
    }
    try self.init(json: data)
  }

  /// Takes the content of a `tokenizer.json`.
  package init(json: Data) throws(TokenizerError) {
    let file = try TokenizerFile(Array(json))
    let tokens = try TokenTable(file)
    self.json = json
    self.sha256 = SHA256.hash(data: json).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
    self.vocabularySize = tokens.bytes.count
    self.normalizers = file.normalizers
    self.preTokenizers = file.preTokenizers
    self.onlySplits = file.preTokenizers.allSatisfy { if case .split = $0 { true } else { false } }
    self.model = try BytePairModel(file, tokens)
    let normalizers = file.normalizers
    self.addedTokens = try AddedTokenMatcher(
      file.addedTokens.filter { !$0.isNormalized }.map { ($0, Array($0.content.utf8)) })
    self.normalizedTokens = try AddedTokenMatcher(
      file.addedTokens.filter(\.isNormalized).map { token in
        (token, Normalizer.apply(normalizers, to: token.content))
      }.filter { !$0.1.isEmpty })
    self.decoding = file.decoding
    self.frame = file.frame
    self.addedTokenIDs = Set(file.addedTokens.map { Int32($0.id) })
    self.specialTokenIDs = Set(file.addedTokens.filter(\.isSpecial).map { Int32($0.id) })
    for id in file.frame.before + file.frame.after where !(0..<vocabularySize).contains(Int(id)) {
      throw .malformed(field: "post_processor", expected: "ids of the vocabulary, not \(id)")
    }
    self.tokenBytes = Array(tokens.bytes.joined())
    var end = 0
    self.tokenEnds = tokens.bytes.map { token in
      end += token.count
      return end
    }
    self.coveredBytes = tokens.coveredBytes
    self.isByteToken = tokens.isByte
    self.tokenTexts = tokens.texts
    self.textIDs = tokens.ids
  }

  /// Writes the `tokenizer.json`; the file appears whole or not at all.
  package func write(to url: URL) throws(TokenizerError) {
    do {
      try json.write(to: url, options: .atomic)
    } catch {
      throw .unavailable(path: url.path, reason: error.localizedDescription)
    }
  }

  /// The id of a token, written as in the file (`<|endoftext|>`, `Ġthe`); nil if there is none.
  package func id(of token: String) -> Int32? {
    tokenTexts.index(of: Array(token.utf8)).map { textIDs[$0] }
  }

  /// The token that ends a document, under the names that it commonly has.
  package var endOfText: Int32? {
    for name in ["<|endoftext|>", "<|end_of_text|>", "<|im_end|>", "</s>", "<eos>"] {
      if let id = id(of: name) { return id }
    }
    return nil
  }

  /// The bytes that a token stands for inside a text; none for an id that is no token.
  ///
  /// With SentencePiece's tokenizers a text's first token may begin with a space that is not the
  /// text's: `decode` leaves it out.
  package func bytes(of id: Int32) -> ArraySlice<UInt8> {
    guard id >= 0, id < tokenEnds.count else { return [] }
    return tokenBytes[(id == 0 ? 0 : tokenEnds[Int(id) - 1])..<tokenEnds[Int(id)]]
  }

  /// A token's text for people; parts of a character show as U+FFFD.
  package func string(of id: Int32) -> String { String(decoding: bytes(of: id), as: UTF8.self) }
}
