internal import Foundation

/// Learns a byte-level BPE vocabulary from text.
///
/// Ids are given to the special tokens first, then to the 256 bytes, then to merges as they are
/// found: each time the pair that occurs most often, among equals the one of lower ids. The same
/// documents therefore give the same file, and the same as Hugging Face's `BpeTrainer`.
///
/// Source: Sennrich et al. 2016, arXiv:1508.07909, algorithm 1; the counts of pairs are kept up to
/// date instead of counted anew, so that a merge costs only the words that hold it.
package struct BytePairTrainer: Sendable {
  private let vocabularySize: Int
  private let specialTokens: [String]
  private let preTokenization: PreTokenization

  /// - Parameters:
  ///   - vocabularySize: ids to give, 256 and the special tokens included. Text with too little to
  ///     merge gives fewer.
  ///   - specialTokens: distinct; the first gets id 0.
  package init(
    vocabularySize: Int, specialTokens: [String], preTokenization: PreTokenization = .digits
  ) {
    self.vocabularySize = vocabularySize
    self.specialTokens = specialTokens
    self.preTokenization = preTokenization
  }

  /// Learns from `documents`, which are read once.
  ///
  /// Special tokens in the text are left out of the counts.
  ///
  /// - Parameter progress: told the merges found, and how many are wanted.
  package func train(
    _ documents: some Sequence<String>,
    progress: (_ found: Int, _ wanted: Int) -> Void = { _, _ in }
  ) throws(TokenizerError) -> Tokenizer {
    var vocabulary = try startingVocabulary()
    var words = try count(documents, vocabulary)
    guard !words.isEmpty else { throw .emptyCorpus }
    let start = vocabulary.count
    var merges: [(left: Int32, right: Int32)] = []
    while vocabulary.count < vocabularySize, let pair = words.popMostFrequentPair() {
      // Two ways of merging can give one token; it keeps its first id.
      let token = Int32(
        vocabulary.insert(Array(vocabulary[Int(pair.left)]) + vocabulary[Int(pair.right)]))
      words.merge(pair, into: token)
      merges.append((left: pair.left, right: pair.right))
      progress(vocabulary.count - start, vocabularySize - start)
    }
    return try Tokenizer(json: json(vocabulary, merges))
  }

  /// Special tokens, then bytes in the order of their characters, all as their text in the file.
  private func startingVocabulary() throws(TokenizerError) -> ByteStringTable {
    let minimum = 256 + specialTokens.count
    guard vocabularySize >= minimum else {
      throw .vocabularyTooSmall(asked: vocabularySize, minimum: minimum)
    }
    var vocabulary = ByteStringTable(minimumCapacity: vocabularySize)
    let bytes = ByteAlphabet.scalars.sorted().map { String(Character($0)) }
    for (index, token) in (specialTokens + bytes).enumerated() {
      guard !token.isEmpty, vocabulary.insert(Array(token.utf8)) == index else {
        throw .specialToken(token)
      }
    }
    return vocabulary
  }

  private func count(
    _ documents: some Sequence<String>, _ vocabulary: ByteStringTable
  ) throws(TokenizerError) -> TrainingWords {
    let preTokenizers = try preTokenization.preTokenizers()
    let special = try AddedTokenMatcher(
      specialTokens.enumerated().map {
        (TokenizerFile.AddedToken(id: $0.offset, content: $0.element), Array($0.element.utf8))
      })
    let scratch = EncodingScratch()
    var table = ByteStringTable(minimumCapacity: 1 << 14)
    var counts: [Int] = []
    for var document in documents {
      document.withUTF8 { text in
        special.forEachPart(of: text) { part, specialToken in
          guard specialToken == nil else { return }
          scratch.cut(part, of: text, by: preTokenizers[...])
          for piece in scratch.pieces {
            let index = table.insert(UnsafeBufferPointer(rebasing: text[piece]))
            if index == counts.count { counts.append(0) }
            counts[index] += 1
          }
        }
      }
    }
    let byteTokens = ByteAlphabet.scalars.map { scalar in
      Int32(vocabulary.index(of: Array(String(Character(scalar)).utf8)) ?? 0)
    }
    var words = TrainingWords()
    for (index, count) in counts.enumerated() {
      words.append(table[index].map { byteTokens[Int($0)] }, count: count)
    }
    words.countPairs()
    return words
  }

  private func json(
    _ vocabulary: ByteStringTable, _ merges: [(left: Int32, right: Int32)]
  ) -> Data {
    func quoted(_ id: Int32) -> String {
      JSONText.quoted(String(decoding: vocabulary[Int(id)], as: UTF8.self))
    }
    let added = specialTokens.enumerated().map { id, token in
      #"    {"id":\#(id),"content":\#(JSONText.quoted(token)),"single_word":false,"#
        + #""lstrip":false,"rstrip":false,"normalized":false,"special":true}"#
    }
    let entries = (0..<Int32(vocabulary.count)).map { "      \(quoted($0)): \($0)" }
    let pairs = merges.map { "      [\(quoted($0.left)), \(quoted($0.right))]" }
    let text = """
      {
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [
      \(added.joined(separator: ",\n"))
        ],
        "normalizer": null,
        "pre_tokenizer": \(preTokenization.json),
        "post_processor": null,
        "decoder": {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
        "model": {
          "type": "BPE",
          "dropout": null,
          "unk_token": null,
          "continuing_subword_prefix": null,
          "end_of_word_suffix": null,
          "fuse_unk": false,
          "byte_fallback": false,
          "ignore_merges": false,
          "vocab": {
      \(entries.joined(separator: ",\n"))
          },
          "merges": [
      \(pairs.joined(separator: ",\n"))
          ]
        }
      }

      """
    return Data(text.utf8)
  }
}
