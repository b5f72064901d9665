/// The tokens of a file by id and by text.
struct TokenTable {
  /// The text's bytes of each id; empty for an id that is no token.
  private(set) var bytes: [[UInt8]]
  private(set) var coveredBytes: [Int32]
  private(set) var isByte: [Bool]
  /// The texts as they stand in the file, and their ids.
  private(set) var texts: ByteStringTable
  private(set) var ids: [Int32] = []

  init(_ file: TokenizerFile) throws(TokenizerError) {
    let entries =
      file.vocabulary.map { (text: $0.text, id: $0.id, isAdded: false) }
      + file.addedTokens.map { (text: $0.content, id: $0.id, isAdded: true) }
    // A token that is looked for in normalized text is written so, too, as in Hugging Face.
    let normalized = Dictionary(
      file.addedTokens.filter { $0.isNormalized && !file.normalizers.isEmpty }.map { token in
        (token.id, Normalizer.apply(file.normalizers, to: token.content))
      }, uniquingKeysWith: { $1 })
    let highest = entries.map(\.id).max() ?? 0
    // Ids may have gaps, but not so wide that a short file asks for gigabytes.
    guard entries.allSatisfy({ $0.id >= 0 }), highest < 2 * entries.count + 1024 else {
      throw .malformed(field: "model.vocab", expected: "ids from 0 on without wide gaps")
    }
    bytes = [[UInt8]](repeating: [], count: highest + 1)
    coveredBytes = [Int32](repeating: 0, count: highest + 1)
    isByte = [Bool](repeating: false, count: highest + 1)
    texts = ByteStringTable(minimumCapacity: entries.count)
    var owners = [Int](repeating: -1, count: highest + 1)
    for entry in entries {
      let index = texts.insert(Array(entry.text.utf8))
      if index == ids.count { ids.append(Int32(entry.id)) }
      // An added token usually stands in the vocabulary too, with the same id.
      guard ids[index] == entry.id, owners[entry.id] < 0 || owners[entry.id] == index else {
        throw .malformed(field: "model.vocab", expected: "one id a token (\(entry.text))")
      }
      owners[entry.id] = index
      let written = normalized[entry.id].map { String(decoding: $0, as: UTF8.self) } ?? entry.text
      let isText = entry.isAdded && file.mapsBytes
      bytes[entry.id] = isText ? Array(written.utf8) : file.decoding.bytes(of: written)
      isByte[entry.id] = !entry.isAdded && file.decoding.isByte(entry.text)
      coveredBytes[entry.id] = Int32(
        file.mapsBytes || isByte[entry.id] ? bytes[entry.id].count : entry.text.utf8.count)
    }
  }

  /// The id of a token's text as in the file.
  func id(_ text: String) -> Int32? { texts.index(of: Array(text.utf8)).map { ids[$0] } }
}

extension BytePairModel {
  /// - Throws: what in the file contradicts itself.
  init(_ file: TokenizerFile, _ tokens: TokenTable) throws(TokenizerError) {
    // Only what is in the model's own vocabulary is made of characters.
    var own = ByteStringTable(minimumCapacity: file.vocabulary.count)
    var ids: [Int32] = []
    for entry in file.vocabulary {
      if own.insert(Array(entry.text.utf8)) == ids.count { ids.append(Int32(entry.id)) }
    }
    func id(_ text: String) -> Int32? { own.index(of: Array(text.utf8)).map { ids[$0] } }

    var byteTokens = [Int32](repeating: -1, count: 256)
    var asciiTokens = [Int32](repeating: -1, count: 128)
    var characterTokens: [UInt32: Int32] = [:]
    if file.mapsBytes {
      for byte in UInt8.min...UInt8.max {
        byteTokens[Int(byte)] = id(ByteAlphabet.encode([byte])) ?? -1
      }
    } else {
      for byte in UInt8.min...UInt8.max where file.hasByteFallback {
        let digits = String(byte, radix: 16, uppercase: true)
        byteTokens[Int(byte)] = id("<0x\(byte < 16 ? "0" : "")\(digits)>") ?? -1
      }
      for entry in file.vocabulary where entry.text.unicodeScalars.count == 1 {
        let value = entry.text.unicodeScalars.first?.value ?? 0
        if value < 0x80 {
          asciiTokens[Int(value)] = Int32(entry.id)
        } else {
          characterTokens[value] = Int32(entry.id)
        }
      }
    }
    if file.mapsBytes, file.hasByteFallback, byteTokens.contains(-1) {
      throw .unsupported(feature: "model.byte_fallback with ByteLevel")
    }
    var unknown: Int32?
    if let token = file.unknownToken {
      unknown = id(token)
      // A byte-level vocabulary that has every byte never asks for it.
      if unknown == nil, !file.mapsBytes || byteTokens.contains(-1) {
        throw .malformed(field: "model.unk_token", expected: "a token of the vocabulary")
      }
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
      var wholeIDs: [Int32] = []
      for entry in file.vocabulary {
        guard let bytes = file.mapsBytes ? ByteAlphabet.bytes(entry.text) : Array(entry.text.utf8)
        else { continue }
        if table.insert(bytes) == wholeIDs.count { wholeIDs.append(Int32(entry.id)) }
      }
      wholePieces = (table, wholeIDs)
    } else {
      wholePieces = nil
    }
    self.symbols = file.mapsBytes ? .bytes : .characters
    self.merges = merges
    self.byteTokens = byteTokens
    self.asciiTokens = asciiTokens
    self.characterTokens = characterTokens
    self.unknown = unknown
    self.fusesUnknown = file.fusesUnknown
    self.boundaries =
      file.mapsBytes || file.ignoresMerges ? nil : MergeBoundaries(merges: file.merges)
  }
}
