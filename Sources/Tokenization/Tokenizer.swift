internal import Crypto
package import Foundation

/// A byte-level BPE tokenizer: any text to token ids, and back without loss.
///
/// A text is cut at added tokens first, then by the pre-tokenizer's expressions into pieces; the
/// bytes of a piece are merged pair by pair in the order that training found. Every byte is a
/// token, so no text is unknown.
package final class Tokenizer: Sendable {
  /// The `tokenizer.json` that this is, byte for byte.
  package let json: Data
  /// SHA-256 of `json` in hexadecimal: what a trace remembers of its tokenizer.
  package let sha256: String
  /// One more than the highest id.
  package let vocabularySize: Int

  let preTokenizers: [PreTokenizer]
  let merges: MergeTable
  /// The token of each byte.
  let byteTokens: [Int32]
  let addedTokens: AddedTokenMatcher
  /// Pieces that are one token whatever their merges say; nil where merges decide.
  let wholePieces: (table: ByteStringTable, ids: [Int32])?

  /// The bytes of all tokens one after the other; those of token i end at `tokenEnds[i]`.
  private let tokenBytes: [UInt8]
  private let tokenEnds: [Int]
  private let tokenTexts: ByteStringTable
  private let textIDs: [Int32]
  let scratchPool = EncodingScratch.Pool()

  /// Larger than any tokenizer in use, and a bound on what a hostile file can cost.
  private static let fileBytesMax = 256 << 20

  /// Reads a `tokenizer.json`.
  ///
  /// - Throws: what is wrong with the file, or which of its features is not supported.
  package convenience init(contentsOf url: URL) throws(TokenizerError) {
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
    let entries =
      file.vocabulary.map { (text: $0.text, id: $0.id, bytes: ByteAlphabet.decode($0.text)) }
      + file.addedTokens.map { (text: $0.content, id: $0.id, bytes: Array($0.content.utf8)) }
    let highest = entries.map(\.id).max() ?? 0
    // Ids may have gaps, but not so wide that a short file asks for gigabytes.
    guard entries.allSatisfy({ $0.id >= 0 }), highest < 2 * entries.count + 1024 else {
      throw .malformed(field: "model.vocab", expected: "ids from 0 on without wide gaps")
    }
    var bytes = [[UInt8]](repeating: [], count: highest + 1)
    var texts = ByteStringTable(minimumCapacity: entries.count)
    var textIDs: [Int32] = []
    var owners = [Int](repeating: -1, count: highest + 1)
    for entry in entries {
      let index = texts.insert(Array(entry.text.utf8))
      if index == textIDs.count { textIDs.append(Int32(entry.id)) }
      // An added token usually stands in the vocabulary too, with the same id.
      guard textIDs[index] == entry.id, owners[entry.id] < 0 || owners[entry.id] == index else {
        throw .malformed(field: "model.vocab", expected: "one id a token (\(entry.text))")
      }
      owners[entry.id] = index
      bytes[entry.id] = entry.bytes
    }
    func id(_ text: String) -> Int32? { texts.index(of: Array(text.utf8)).map { textIDs[$0] } }

    var byteTokens: [Int32] = []
    for byte in UInt8.min...UInt8.max {
      guard let token = id(ByteAlphabet.encode([byte])) else {
        throw .malformed(field: "model.vocab", expected: "a token for byte \(byte)")
      }
      byteTokens.append(token)
    }
    var merges = MergeTable(capacity: file.merges.count)
    for (rank, merge) in file.merges.enumerated() {
      guard let left = id(merge.left), let right = id(merge.right),
        let result = id(merge.left + merge.right)
      else {
        throw .malformed(field: "model.merges[\(rank)]", expected: "tokens of the vocabulary")
      }
      let value = MergeTable.Merge(rank: Int32(rank), token: result)
      guard merges.insert(value, left: left, right: right) else {
        throw .malformed(field: "model.merges[\(rank)]", expected: "no pair a second time")
      }
    }
    if file.ignoresMerges {
      var table = ByteStringTable(minimumCapacity: file.vocabulary.count)
      var ids: [Int32] = []
      for entry in file.vocabulary {
        let index = table.insert(ByteAlphabet.decode(entry.text))
        if index == ids.count { ids.append(Int32(entry.id)) }
      }
      self.wholePieces = (table, ids)
    } else {
      self.wholePieces = nil
    }
    self.json = json
    self.sha256 = SHA256.hash(data: json).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
    self.vocabularySize = highest + 1
    self.preTokenizers = file.preTokenizers
    self.merges = merges
    self.byteTokens = byteTokens
    self.addedTokens = AddedTokenMatcher(file.addedTokens)
    self.tokenBytes = Array(bytes.joined())
    var end = 0
    self.tokenEnds = bytes.map { token in
      end += token.count
      return end
    }
    self.tokenTexts = texts
    self.textIDs = textIDs
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

  /// The bytes that a token stands for; none for an id that is no token.
  package func bytes(of id: Int32) -> ArraySlice<UInt8> {
    guard id >= 0, id < tokenEnds.count else { return [] }
    return tokenBytes[(id == 0 ? 0 : tokenEnds[Int(id) - 1])..<tokenEnds[Int(id)]]
  }

  /// A token's text for people; parts of a character show as U+FFFD.
  package func string(of id: Int32) -> String { String(decoding: bytes(of: id), as: UTF8.self) }

  /// The text of `ids`: exactly the encoded one for the ids of a text. Bytes that form no
  /// character become U+FFFD, ids that are no token nothing.
  package func decode(_ ids: some Sequence<Int32>) -> String {
    var text: [UInt8] = []
    for id in ids { text.append(contentsOf: bytes(of: id)) }
    return String(decoding: text, as: UTF8.self)
  }
}
