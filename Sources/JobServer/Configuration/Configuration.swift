internal import Configuration
internal import Foundation
package import Inference
package import JobAPI
package import Kernels

/// Everything the environment decides, valid from the first line of `serve` on.
package struct ServerConfiguration: Sendable {
  /// Host to bind, such as `127.0.0.1` or `::`.
  package var host: String
  /// Port to bind; 0 takes a free one.
  package var port: UInt16
  /// Folder of the database and of everything that jobs leave.
  package var dataFolder: String
  /// `remote:folder` that finished artifacts are copied to; nil keeps them here only.
  package var rcloneRemote: String?
  /// Token that requests must carry; nil asks for none (loopback only).
  package var apiToken: String?
  /// Folders that corpus and tokenizer paths must lie in; empty allows any.
  package var corpusRoots: [String]
  package var httpThreads: Int
  package var bodyLimitBytes: Int
  package var connectionLimit: Int
  /// Models in memory that answer requests; 0 serves none.
  package var servedModels: Int
  /// Answers that each of them writes at the same time, tokens of each, and how many may wait.
  package var servedSequences: Int
  package var servedContext: Int
  package var servedQueue: Int
  /// How ternary models that answer keep embedding and head, and every model its keys and values.
  package var servedEmbeddings: DenseWeights.Storage
  package var servedCache: CachePrecision
  /// Compute-bound jobs that run at the same time, 1 or more.
  package var computeJobs: Int
  /// How compute jobs that run at the same time share the threads.
  package var computeSharing: ComputeTeams.Sharing
  /// Compute threads; 0 means one a core.
  package var computeThreads: Int
  /// Whether each compute thread stays on a CPU of its own.
  package var pinsThreads: Bool
  /// `auto`, `scalar`, `avx2` or `avx512`.
  package var instructionSet: String
  /// `auto`, `fp32`, `bf16` or `int16`.
  package var products: String
  package var logLevel: String
  /// What stands in for the fields that a job's spec leaves out.
  package var specDefaults: SpecDefaults
  /// Names in the `.env` file that no setting has; the daemon mentions them once.
  package var unknownNames: [String]

  /// Reads the environment, and below it the `.env` file at `envFile`.
  ///
  /// - Parameters:
  ///   - environment: wins over the file.
  ///   - envFile: path of a `.env` file, or nil. A missing file is an error.
  package init(environment: [String: String], envFile: String?) throws(ConfigurationError) {
    let fileValues = try envFile.map { path throws(ConfigurationError) in
      try EnvironmentFile.read(path)
    }
    // swift-configuration's provider, so that values are looked up in one order and secrets
    // print redacted. An empty value in the environment counts as not set, as shells leave it.
    let reader = ConfigReader(providers: [
      EnvironmentVariablesProvider(
        environmentVariables: environment.filter { !$0.value.isEmpty },
        secretsSpecifier: .specific(Self.secretNames)),
      EnvironmentVariablesProvider(
        environmentVariables: (fileValues ?? [:]).filter { !$0.value.isEmpty },
        secretsSpecifier: .specific(Self.secretNames)),
    ])
    var values: [String: String] = [:]
    for setting in Setting.all {
      let key = ConfigKey(setting.name.lowercased().split(separator: "_").map(String.init))
      guard let value = reader.string(forKey: key, isSecret: setting.kind == .secret) else {
        continue
      }
      try setting.check(value)
      values[setting.name] = value
    }
    func value(_ name: String) -> String {
      values[name] ?? Setting.server.first { $0.name == name }?.fallback ?? ""
    }
    (host, port) = try Self.address(value("BITNET_LISTEN"))
    dataFolder = value("DRIVE_ROOT")
    rcloneRemote = value("STORAGE_BACKEND") == "rclone" ? value("RCLONE_REMOTE") : nil
    if rcloneRemote == "" {
      throw .invalid(
        variable: "RCLONE_REMOTE", value: "",
        expected: "remote:folder, since STORAGE_BACKEND=rclone")
    }
    apiToken = try Self.token(
      inline: value("BITNET_API_TOKEN"), file: value("BITNET_API_TOKENS_FILE"))
    corpusRoots = value("CORPUS_ROOTS").split(separator: ":").map(String.init)
    httpThreads = Int(value("HTTP_THREADS")) ?? 2
    bodyLimitBytes = Int(value("HTTP_BODY_LIMIT_BYTES")) ?? 1_048_576
    connectionLimit = Int(value("HTTP_CONNECTION_LIMIT")) ?? 10_000
    servedModels = Int(value("SERVING_MODELS")) ?? 2
    servedSequences = Int(value("SERVING_SEQUENCES")) ?? 8
    servedContext = Int(value("SERVING_CONTEXT")) ?? 4096
    servedQueue = Int(value("SERVING_QUEUE")) ?? 64
    servedEmbeddings = DenseWeights.Storage(rawValue: value("SERVING_EMBEDDINGS")) ?? .int8
    servedCache = CachePrecision(rawValue: value("SERVING_CACHE")) ?? .fp16
    computeJobs = Int(value("COMPUTE_JOBS")) ?? 1
    computeSharing = ComputeTeams.Sharing(rawValue: value("COMPUTE_SHARING")) ?? .turns
    computeThreads = Int(value("BITNET_THREADS")) ?? 0
    pinsThreads = value("BITNET_PIN") == "1"
    if pinsThreads, computeSharing == .split {
      throw .invalid(
        variable: "BITNET_PIN", value: "1",
        expected: "0, since with COMPUTE_SHARING=split several teams would be pinned to one CPU")
    }
    instructionSet = value("BITNET_SIMD")
    products = value("BITNET_PRODUCTS")
    logLevel = value("LOG_LEVEL")
    specDefaults = Self.specDefaults(values)
    let known = Set(Setting.all.map(\.name))
    unknownNames = (fileValues ?? [:]).keys.filter { !known.contains($0) }.sorted()
  }

  /// Refuses an address that other machines reach unless a token is set (API, "Authentication").
  package func checkExposure() throws(ConfigurationError) {
    let isLoopback = host == "localhost" || host == "::1" || host.hasPrefix("127.")
    if !isLoopback, apiToken == nil { throw .tokenNeeded(address: "\(host):\(port)") }
  }

  /// Splits `HOST:PORT`; an IPv6 host stands in brackets.
  package static func address(
    _ text: String
  ) throws(ConfigurationError) -> (host: String, port: UInt16) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else {
      throw .invalid(
        variable: "BITNET_LISTEN", value: text, expected: "HOST:PORT, such as 127.0.0.1:8080")
    }
    var host = String(text[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty else {
      throw .invalid(
        variable: "BITNET_LISTEN", value: text, expected: "HOST:PORT, such as 127.0.0.1:8080")
    }
    return (host, port)
  }

  private static let secretNames = Set(
    Setting.all.filter { $0.kind == .secret }.map(\.name))

  private static func token(inline: String, file: String) throws(ConfigurationError) -> String? {
    if !inline.isEmpty { return inline }
    if file.isEmpty { return nil }
    guard let text = try? String(contentsOfFile: file, encoding: .utf8),
      let line = text.split(whereSeparator: \.isNewline).first
    else {
      throw .unreadable(file: file, reason: "BITNET_API_TOKENS_FILE must hold a token")
    }
    let token = line.trimmingCharacters(in: .whitespaces)
    guard !token.isEmpty else {
      throw .unreadable(file: file, reason: "BITNET_API_TOKENS_FILE must hold a token")
    }
    return token
  }

  /// The job defaults among `values`.
  private static func specDefaults(_ values: [String: String]) -> SpecDefaults {
    var defaults = SpecDefaults()
    for setting in Setting.jobDefaults {
      values[setting.name].map { setting.apply?($0, &defaults) }
    }
    return defaults
  }
}

extension Setting {
  /// - Throws: `.invalid` when `value` is not of this setting's kind.
  fileprivate func check(_ value: String) throws(ConfigurationError) {
    let fits =
      switch kind {
      case .text, .secret: true
      case .choice(let values): values.contains(value)
      case .integer(let range): Int(value).map(range.contains) ?? false
      case .number(let range): Double(value).map { $0.isFinite && range.contains($0) } ?? false
      }
    if !fits { throw .invalid(variable: name, value: value, expected: kind.expectation) }
  }
}
