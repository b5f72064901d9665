/// What all captures of a collection have in common; stored in every shard of them, as JSON.
package struct CaptureMetadata: Codable, Equatable, Sendable {
  /// The version of the schema that this program writes and reads.
  package static let currentVersion = 1

  /// What the teacher was asked for.
  package enum Purpose: String, Codable, Sendable {
    /// To answer prompts.
    case answer
    /// To score the texts themselves.
    case score
  }

  /// `currentVersion` of the program that wrote it.
  package var schemaVersion = Self.currentVersion
  /// The provider's name, such as `vllm`.
  package var provider: String
  /// Where it was asked, without anything secret.
  package var baseURL: String
  /// The model that was asked for.
  package var model: String
  /// What tells this teacher from others, as far as its provider lets one know.
  package var teacherFingerprint: String
  /// `allowed` or `unknown`: whether its owner lets its answers be trained on, as the user said.
  package var terms: String
  /// What the probe found, as JSON.
  package var capabilities: String
  /// What was asked for.
  package var purpose = Purpose.answer
  /// The temperature at which answers were sampled.
  package var samplingTemperature: Double
  /// Tokens of an answer at most.
  package var maxTokens: Int
  /// Candidates that were asked for.
  package var topK: Int
  /// The teacher's id of the token that ends a text, where it is known.
  package var endOfTextID: Int32?
  /// Of the sampling, where the provider takes one.
  package var seed: UInt64
  /// SHA-256 of the prompts, so that a resumed run cannot mix two corpora.
  package var corpusSHA256: String

  /// Of a collection that asks for answers.
  package init(
    provider: String, baseURL: String, model: String, teacherFingerprint: String, terms: String,
    capabilities: String, samplingTemperature: Double, maxTokens: Int, topK: Int, seed: UInt64,
    corpusSHA256: String
  ) {
    self.provider = provider
    self.baseURL = baseURL
    self.model = model
    self.teacherFingerprint = teacherFingerprint
    self.terms = terms
    self.capabilities = capabilities
    self.samplingTemperature = samplingTemperature
    self.maxTokens = maxTokens
    self.topK = topK
    self.seed = seed
    self.corpusSHA256 = corpusSHA256
  }

  private enum CodingKeys: String, CodingKey {
    case schemaVersion = "schema_version"
    case provider
    case baseURL = "base_url"
    case model
    case teacherFingerprint = "teacher_fingerprint"
    case terms
    case capabilities
    case purpose
    case samplingTemperature = "sampling_temperature"
    case maxTokens = "max_tokens"
    case topK = "top_k"
    case endOfTextID = "end_of_text_id"
    case seed
    case corpusSHA256 = "corpus_sha256"
  }
}
