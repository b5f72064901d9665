import Foundation

/// What a whole trace has in common; stored in every shard, as JSON under one metadata key.
package struct TraceMetadata: Codable, Equatable, Sendable {
  /// The version of the schema that this program writes and reads.
  package static let currentVersion = 1
  /// The key in the Parquet file's metadata.
  static let key = "bitnet_trace"

  /// How the tokens were chosen.
  package enum TokenSource: String, Codable, Sendable {
    /// The teacher scored a given text.
    case corpus
    /// The teacher wrote the text.
    case teacher
  }

  /// How the candidates of a row were chosen.
  package enum Candidates: Codable, Equatable, Sendable {
    /// The K largest, and Other.
    case top
    /// The `exact` largest, and `draws` drawn from the others' mass, none of it Other.
    case sampled(exact: Int, draws: Int)
  }

  /// `currentVersion` of the program that wrote it.
  package var schemaVersion = Self.currentVersion
  /// The teacher's name, for people.
  package var teacher: String
  /// What tells this teacher from all others, such as the SHA-256 of its weights.
  package var teacherFingerprint: String
  /// SHA-256 of the student's whole `tokenizer.json`.
  package var tokenizerSHA256: String
  /// SHA-256 of the chat template, when one was applied.
  package var chatTemplateSHA256: String?
  /// SHA-256 of what was scored, so that a resumed run cannot mix two corpora.
  package var corpusSHA256: String?
  /// Who chose the tokens.
  package var tokenSource = TokenSource.corpus
  /// The temperature at which the teacher sampled; nil for a given text.
  package var samplingTemperature: Double?
  /// The rule that brought the teacher's candidates to student ids.
  package var projection = "identity"
  /// Share of candidate mass by projection rule; sums to 1.
  package var projectionCoverage: [String: Double] = ["identity": 1]
  /// Most candidates that a row has.
  package var topK: Int
  /// How they were chosen; nil in older traces, which have the largest.
  package var candidates: Candidates?
  /// Bits of a stored log-probability; nil in older traces, which have all 32.
  package var logprobBits: LogprobBits?
  /// Student token ids are below it.
  package var vocabularySize: Int
  /// The seed of everything random in the collection.
  package var seed: UInt64

  /// Metadata of a trace of a given text in the teacher's own tokenizer.
  package init(
    teacher: String, teacherFingerprint: String, tokenizerSHA256: String, topK: Int,
    vocabularySize: Int, seed: UInt64, corpusSHA256: String? = nil
  ) {
    self.teacher = teacher
    self.teacherFingerprint = teacherFingerprint
    self.tokenizerSHA256 = tokenizerSHA256
    self.topK = topK
    self.vocabularySize = vocabularySize
    self.seed = seed
    self.corpusSHA256 = corpusSHA256
  }

  private enum CodingKeys: String, CodingKey {
    case schemaVersion = "schema_version"
    case teacher
    case teacherFingerprint = "teacher_fingerprint"
    case tokenizerSHA256 = "tokenizer_sha256"
    case chatTemplateSHA256 = "chat_template_sha256"
    case corpusSHA256 = "corpus_sha256"
    case tokenSource = "token_source"
    case samplingTemperature = "sampling_temperature"
    case projection
    case projectionCoverage = "projection_coverage"
    case topK = "top_k"
    case candidates
    case logprobBits = "logprob_bits"
    case vocabularySize = "vocab_size"
    case seed
  }

  /// The text that is stored.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// Reads the stored text and checks its numbers.
  init(json: String) throws(TraceError.Problem) {
    let version: Version
    do {
      version = try JSONDecoder().decode(Version.self, from: Data(json.utf8))
    } catch {
      throw .malformedMetadata("expected a JSON object with a schema_version")
    }
    // The version first: another version may have other fields.
    guard version.schemaVersion == Self.currentVersion else {
      throw .unsupportedVersion(version.schemaVersion)
    }
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(json.utf8))
    } catch let error as DecodingError {
      throw .malformedMetadata(error.placeAndReason)
    } catch {
      throw .malformedMetadata("\(error)")
    }
    guard 1...65_536 ~= topK else {
      throw .malformedMetadata("top_k is \(topK), expected 1 to 65536")
    }
    guard 1...Int(Int32.max) ~= vocabularySize else {
      throw .malformedMetadata("vocab_size is \(vocabularySize), expected 1 to 2147483647")
    }
  }

  private struct Version: Codable {
    let schemaVersion: Int

    enum CodingKeys: String, CodingKey { case schemaVersion = "schema_version" }
  }

  /// The first fact in which two traces differ, with both sides.
  func firstDifference(from other: TraceMetadata) -> TraceError.Difference? {
    for ((fact, found), (_, expected)) in zip(facts, other.facts) where found != expected {
      return TraceError.Difference(
        fact: fact, found: found ?? "none", expected: expected ?? "none")
    }
    return nil
  }

  /// Everything but the coverage, which each shard measures for itself.
  private var facts: [(name: String, value: String?)] {
    [
      ("teacher fingerprint", teacherFingerprint), ("teacher", teacher),
      ("tokenizer SHA-256", tokenizerSHA256), ("chat template SHA-256", chatTemplateSHA256),
      ("corpus SHA-256", corpusSHA256), ("token source", tokenSource.rawValue),
      ("sampling temperature", samplingTemperature.map { "\($0)" }), ("projection", projection),
      ("top_k", "\(topK)"), ("candidates", "\(candidates ?? .top)"),
      ("logprob bits", "\((logprobBits ?? .thirtyTwo).rawValue)"),
      ("vocabulary size", "\(vocabularySize)"), ("seed", "\(seed)"),
    ]
  }
}

extension DecodingError {
  /// Where in the JSON something is wrong, and what.
  fileprivate var placeAndReason: String {
    switch self {
    case .typeMismatch(_, let context), .valueNotFound(_, let context),
      .dataCorrupted(let context):
      "\(context.codingPath.map(\.stringValue).joined(separator: ".")): \(context.debugDescription)"
    case .keyNotFound(let key, _): "has no \(key.stringValue)"
    @unknown default: "\(self)"
    }
  }
}
