import Foundation
import JobAPI
import JobServer
import Testing

/// Runs `body` with the path of a file that holds `text`; the file is removed after it.
@discardableResult
func withTemporaryFile<Value>(
  _ text: String, _ body: (String) throws -> Value
) throws -> Value {
  let path = FileManager.default.temporaryDirectory.appending(path: "env-\(UUID().uuidString)").path
  try Data(text.utf8).write(to: URL(filePath: path))
  defer { try? FileManager.default.removeItem(atPath: path) }
  return try body(path)
}

struct ConfigurationTests {
  private func read(
    _ environment: [String: String] = [:], file: String? = nil
  ) throws -> ServerConfiguration {
    guard let file else { return try ServerConfiguration(environment: environment, envFile: nil) }
    return try withTemporaryFile(file) {
      try ServerConfiguration(environment: environment, envFile: $0)
    }
  }

  // MARK: - Values

  @Test func `nothing set gives the fallbacks and the specs' own defaults`() throws {
    let configuration = try read()
    #expect(configuration.host == "127.0.0.1")
    #expect(configuration.port == 8080)
    #expect(configuration.dataFolder == "artifacts")
    #expect(configuration.bodyLimitBytes == 1_048_576)
    #expect(configuration.computeJobs == 1)
    #expect(configuration.instructionSet == "auto")
    #expect(configuration.specDefaults == SpecDefaults())
  }

  @Test func `jobs share threads in turns or split them, and only one team can be pinned`() throws {
    #expect(try read().computeSharing == .turns)
    #expect(try read(["COMPUTE_SHARING": "split"]).computeSharing == .split)
    #expect(try !read().pinsThreads)
    #expect(try read(["BITNET_PIN": "1"]).pinsThreads)
    #expect(throws: ConfigurationError.self) {
      try read(["BITNET_PIN": "1", "COMPUTE_SHARING": "split"])
    }
  }

  @Test func `every setting has one name, and its fallback is a value that it accepts`() throws {
    let names = Setting.all.map(\.name)
    #expect(Set(names).count == names.count)
    let fallbacks = Setting.all.compactMap { setting in
      setting.fallback.map { (setting.name, $0) }
    }
    _ = try read(Dictionary(uniqueKeysWithValues: fallbacks))
  }

  @Test(arguments: [
    ("LR", "fast"), ("LR", "nan"), ("LR", "inf"), ("LR", "1e400"), ("LR", "-1"), ("LR", "10.5"),
    ("ADAM_BETA1", "1"), ("GRAD_CLIP_NORM", "0"), ("FLIP_FRACTION", "1.1"),
    ("BATCH_SIZE", "0"), ("BATCH_SIZE", "8.5"), ("BATCH_SIZE", "99999999999999999999"),
    ("MAX_SEQ_LEN", "7"), ("SEED", "-1"), ("HTTP_THREADS", "65"), ("COMPUTE_JOBS", "0"),
    ("PROVIDER", "openai"), ("TORCH_DTYPE", "float32"), ("BITNET_SIMD", "AVX2"),
    ("LOG_LEVEL", "loud"), ("STORAGE_BACKEND", "s3"), ("COMPUTE_SHARING", "fair"),
    ("BITNET_PIN", "yes"),
  ])
  func `a wrong value is refused with its name and what was expected`(
    name: String, value: String
  ) throws {
    let setting = try #require(Setting.all.first { $0.name == name })
    let error = ConfigurationError.invalid(
      variable: name, value: value, expected: setting.kind.expectation)
    #expect(throws: error) { _ = try read([name: value]) }
    #expect(throws: error) { _ = try read(file: "\(name)=\(value)\n") }
    #expect("\(error)".hasPrefix("\(name)=\(value): expected "))
  }

  @Test func `job defaults reach the specs that they are defaults of`() throws {
    let defaults = try read([
      "MAX_SEQ_LEN": "64", "SEED": "9", "KD_TAU": "2.5", "TOTAL_STEPS": "77",
      "BUDGET_TOKENS": "5000", "TORCH_DTYPE": "fp32", "MAX_TOPK": "5", "EVAL_MAX_PROMPTS": "3",
    ]).specDefaults
    #expect(defaults.train.sequenceLength == 64)
    #expect(defaults.collect.sequenceLength == 64)
    #expect(defaults.train.seed == 9)
    #expect(defaults.dryrun.seed == 9)
    #expect(defaults.train.losses.kd.temperature == 2.5)
    #expect(defaults.train.length == .steps(77))
    #expect(defaults.train.flip.tokenBudget == 5000)
    #expect(defaults.train.precision == .fp32)
    #expect(defaults.collect.topK == 5)
    #expect(defaults.eval.maxExamples == 3)
  }

  @Test func `the environment wins over the file, unless it is empty`() throws {
    let file = "LR=0.1\nHTTP_THREADS=3\n"
    let configuration = try read(["LR": "0.5", "HTTP_THREADS": ""], file: file)
    #expect(configuration.specDefaults.train.optimizer.learningRate == 0.5)
    #expect(configuration.httpThreads == 3)
  }

  @Test func `rclone needs a remote`() throws {
    #expect(
      throws: ConfigurationError.invalid(
        variable: "RCLONE_REMOTE", value: "",
        expected: "remote:folder, since STORAGE_BACKEND=rclone")
    ) { _ = try read(["STORAGE_BACKEND": "rclone"]) }
    let remote = ["STORAGE_BACKEND": "rclone", "RCLONE_REMOTE": "drive:runs"]
    #expect(try read(remote).rcloneRemote == "drive:runs")
    #expect(try read(["RCLONE_REMOTE": "drive:runs"]).rcloneRemote == nil)
  }

  // MARK: - The file

  @Test func `quotes, comments, blank lines and export are understood`() throws {
    let configuration = try read(
      file: """
        # a comment with LR=1 in it

          export LR=0.25   # the peak
        CORPUS_ROOTS="/a b:/c # d"  # two folders
        DRIVE_ROOT='/srv/#1'
        BITNET_LISTEN = [::1]:0
        LOG_LEVEL=#nothing

        """)
    #expect(configuration.specDefaults.train.optimizer.learningRate == 0.25)
    #expect(configuration.corpusRoots == ["/a b", "/c # d"])
    #expect(configuration.dataFolder == "/srv/#1")
    #expect(configuration.host == "::1")
    #expect(configuration.logLevel == "info")
  }

  @Test(arguments: ["LR 0.1", "LR: 0.1", "=0.1", "2LR=0.1", "L R=0.1", "LÄNGE=1", "---"])
  func `a line that is no setting is named with its number`(line: String) throws {
    try withTemporaryFile("# first\n\n\(line)\nLR=0.1\n") { path in
      #expect(throws: ConfigurationError.malformed(file: path, line: 3)) {
        _ = try ServerConfiguration(environment: [:], envFile: path)
      }
    }
  }

  @Test func `a file that is not there, or no text, is refused by name`() throws {
    let missing = FileManager.default.temporaryDirectory
      .appending(path: "no-such-\(UUID().uuidString)").path
    #expect(
      throws: ConfigurationError.unreadable(
        file: missing, reason: "not there, or not UTF-8 text")
    ) { _ = try ServerConfiguration(environment: [:], envFile: missing) }
  }

  @Test func `names that no setting has are told, not refused`() throws {
    let configuration = try read(file: "ZEBRA=1\nLR=0.1\nAPI_KEYS=2\n")
    #expect(configuration.unknownNames == ["API_KEYS", "ZEBRA"])
  }

  // MARK: - The address

  @Test(arguments: [
    ("127.0.0.1:8080", "127.0.0.1", 8080), ("[::1]:0", "::1", 0),
    ("localhost:65535", "localhost", 65_535),
  ])
  func `an address is split in host and port`(text: String, host: String, port: Int) throws {
    let address = try ServerConfiguration.address(text)
    #expect(address.host == host)
    #expect(Int(address.port) == port)
  }

  @Test(arguments: ["", "here", ":8080", "[]:8080", "host:", "host:http", "host:65536", "host:-1"])
  func `what is no address is refused with an example`(text: String) {
    #expect(
      throws: ConfigurationError.invalid(
        variable: "BITNET_LISTEN", value: text, expected: "HOST:PORT, such as 127.0.0.1:8080")
    ) { _ = try ServerConfiguration.address(text) }
  }

  @Test(arguments: ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:80", "example.org:80"])
  func `an address that others reach needs a token`(listen: String) throws {
    let bare = try read(["BITNET_LISTEN": listen])
    #expect(throws: ConfigurationError.tokenNeeded(address: "\(bare.host):\(bare.port)")) {
      try bare.checkExposure()
    }
    try read(["BITNET_LISTEN": listen, "BITNET_API_TOKEN": "word"]).checkExposure()
  }

  @Test(arguments: ["127.0.0.1:0", "127.9.9.9:0", "localhost:0", "[::1]:0"])
  func `a loopback address needs none`(listen: String) throws {
    try read(["BITNET_LISTEN": listen]).checkExposure()
  }

  // MARK: - The token

  @Test func `a token comes from its setting, or from the first line of a file`() throws {
    try withTemporaryFile("  from the file \nsecond line\n") { path in
      let fromFile = try read(["BITNET_API_TOKENS_FILE": path])
      #expect(fromFile.apiToken == "from the file")
      let both = try read(["BITNET_API_TOKEN": "inline", "BITNET_API_TOKENS_FILE": path])
      #expect(both.apiToken == "inline")
    }
    #expect(try read(["BITNET_API_TOKEN": "inline"]).apiToken == "inline")
    #expect(try read().apiToken == nil)
  }

  @Test func `a token file that is missing or empty is refused`() throws {
    try withTemporaryFile("\n\n") { empty in
      for path in [empty, empty + "-missing"] {
        #expect(
          throws: ConfigurationError.unreadable(
            file: path, reason: "BITNET_API_TOKENS_FILE must hold a token")
        ) { _ = try read(["BITNET_API_TOKENS_FILE": path]) }
      }
    }
  }
}
