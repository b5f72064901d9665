// swift-tools-version: 6.2
// The targets, layer by layer, as docs/architecture.md draws them. Arrows only go down.
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
  .treatAllWarnings(as: .error),
]

/// Kernels are optimised in debug builds too: an unoptimised product makes tests wait for nothing.
let kernelSettings: [CSetting] = [.unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror"])]

/// libparquet and its headers, laid there by `make deps`.
let arrow = Context.packageDirectory + "/.deps/arrow"

let argumentParser: Target.Dependency =
  .product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration: Target.Dependency =
  .product(name: "Configuration", package: "swift-configuration")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let database: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

/// A Swift target with the settings that all of them share.
func target(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The tests of `name`, which may use what it depends on, what tests share, and `more`.
func tests(_ name: String, _ more: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: [.target(name: name), "TestSupport"] + more,
    swiftSettings: settings)
}

let package = Package(
  name: "BitNetKDE",
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-configuration", exact: "1.4.0"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
  ],
  targets: [
    // Layer 0: other people's libraries, and our loops in C.
    .systemLibrary(name: "CMicrohttpd", pkgConfig: "libmicrohttpd"),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl"),
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas"),
    .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
    .target(name: "CKernels", cSettings: kernelSettings),
    .target(
      name: "ArrowParquet",
      cxxSettings: [.unsafeFlags(["-O2", "-I\(arrow)/include"])],
      linkerSettings: [
        .unsafeFlags(["-L\(arrow)/lib", "-Xlinker", "-rpath=\(arrow)/lib"]),
        .linkedLibrary("parquet"), .linkedLibrary("arrow"),
      ]),

    // Layer 1: values and wrappers.
    target("Jobs"),
    target("HTTPServer", ["CMicrohttpd"]),
    target("HTTPClient", ["CCurl"]),
    target("Kernels", ["CKernels", "COpenBLAS"]),
    target("Parquet", ["ArrowParquet"]),

    // Layer 2: what is kept, what is spoken, what is computed with.
    .target(
      name: "Migrations", path: "migrations",
      resources: [
        .embedInCode("0001_create_jobs.sql"), .embedInCode("0002_add_convert_jobs.sql"),
      ],
      swiftSettings: settings),
    target("JobStore", ["Jobs", "Migrations", database]),
    target("ArtifactStore", [crypto]),
    target("JobAPI", ["Jobs"]),
    target("Transformer", ["Kernels", "CKernels"]),
    target("Checkpoints", [crypto]),
    target("Tokenization", ["CPCRE2", "Checkpoints", crypto]),
    target("Corpora"),
    target("Traces", ["Parquet", "Checkpoints", crypto]),

    // Layer 3: what works.
    target("WorkerPool", ["Jobs", "JobStore"]),
    target(
      "Teachers",
      ["CKernels", "Checkpoints", "Kernels", "Tokenization", "Traces", "Transformer"]),
    target("HostedTeachers", ["Checkpoints", "HTTPClient", "Tokenization", "Traces"]),
    target("Inference", ["CKernels", "Checkpoints", "Kernels", "Transformer"]),
    target(
      "Distillation",
      [
        "CKernels", "Checkpoints", "Corpora", "Kernels", "Tokenization", "Traces", "Transformer",
        crypto,
      ]),
    target("Constraints", ["Inference", "Tokenization"]),
    target("Evaluation", ["CKernels", "Kernels", "Tokenization"]),
    target(
      "Tasks",
      [
        "Checkpoints", "Corpora", "Evaluation", "Inference", "Kernels", "Tokenization",
        "Transformer",
      ]),
    target(
      "ModelFormats", ["CKernels", "Checkpoints", "Kernels", "Tokenization", "Transformer"]),

    // Layer 4: the roof.
    target(
      "JobServer",
      [
        "ArtifactStore", "CZlib", "Checkpoints", "Constraints", "Corpora", "Distillation",
        "Evaluation", "HTTPServer", "HostedTeachers",
        "Inference", "JobAPI", "JobStore", "Jobs", "Kernels", "ModelFormats", "Tasks", "Teachers",
        "Tokenization", "Traces", "Transformer", "WorkerPool", configuration, crypto, logging,
      ]),

    // Layer 5: the two programs.
    .executableTarget(
      name: "bitnet",
      dependencies: ["Corpora", "HTTPClient", "Jobs", "Tokenization", argumentParser],
      swiftSettings: settings),
    .executableTarget(
      name: "bitnetd", dependencies: ["JobServer", argumentParser, logging],
      swiftSettings: settings),

    // Measurements (bench/README.md).
    .executableTarget(
      name: "BenchHosted",
      dependencies: ["HTTPServer", "HostedTeachers", "Traces", argumentParser],
      swiftSettings: settings),
    .executableTarget(
      name: "BenchKernels", dependencies: ["Kernels", argumentParser], swiftSettings: settings),
    .executableTarget(
      name: "BenchInference",
      dependencies: [
        "Checkpoints", "Evaluation", "Inference", "Kernels", "Tokenization", "Transformer",
        argumentParser,
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "BenchTokenizers", dependencies: ["Tokenization", argumentParser],
      swiftSettings: settings),
    .executableTarget(
      name: "BenchTeachers",
      dependencies: [
        "Checkpoints", "Kernels", "Parquet", "Teachers", "Traces", "Transformer", argumentParser,
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "BenchTraining",
      dependencies: ["Distillation", "Kernels", "Transformer", argumentParser],
      swiftSettings: settings),
    .executableTarget(
      name: "BenchFormats",
      dependencies: [
        "Checkpoints", "Corpora", "Inference", "Kernels", "ModelFormats", "Tokenization",
        "Transformer", argumentParser,
      ], swiftSettings: settings),

    // Damaged files for every reader (docs/formats.md).
    .executableTarget(
      name: "FuzzReaders",
      dependencies: [
        "Checkpoints", "Inference", "Kernels", "ModelFormats", "Tokenization", "Transformer",
        argumentParser,
      ], swiftSettings: settings),

    // Tests: one folder a target, what several share, and the programs from outside.
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
    tests("Jobs"),
    tests("HTTPServer"),
    tests("HTTPClient", ["HTTPServer"]),
    tests("Kernels"),
    tests("Parquet"),
    tests("JobStore", ["Jobs", "Migrations", database]),
    tests("ArtifactStore"),
    tests("JobAPI", ["Jobs"]),
    tests("Transformer", ["CKernels", "Checkpoints", "Kernels"]),
    tests("Checkpoints"),
    tests("Tokenization"),
    tests("Corpora"),
    tests("Traces", ["Checkpoints", "Parquet"]),
    tests("WorkerPool", ["JobStore", "Jobs"]),
    tests(
      "Teachers",
      ["Checkpoints", "Kernels", "Tokenization", "Traces", "Transformer"]),
    tests("HostedTeachers", ["HTTPClient", "Traces"]),
    tests("Inference", ["Checkpoints", "Kernels", "Transformer"]),
    tests(
      "Distillation",
      ["Checkpoints", "Corpora", "Kernels", "Tokenization", "Traces", "Transformer"]),
    tests("Constraints", ["Evaluation", "Inference", "Tokenization"]),
    tests("Evaluation", ["Corpora", "Kernels", "Tokenization"]),
    tests(
      "Tasks", ["Corpora", "Evaluation", "Inference", "Kernels", "Tokenization", "Transformer"]),
    tests(
      "ModelFormats", ["CKernels", "Checkpoints", "Kernels", "Tokenization", "Transformer"]),
    tests(
      "JobServer",
      [
        "Checkpoints", "Corpora", "HTTPServer", "HostedTeachers", "Inference", "JobAPI", "JobStore",
        "Jobs",
        "Kernels", "ModelFormats", "Tokenization", "Transformer", crypto, logging,
      ]),
    tests("bitnet", ["HTTPServer", "Jobs"]),
    .testTarget(
      name: "EndToEndTests",
      dependencies: ["HTTPClient", "Jobs", "Parquet", "TestSupport", "Tokenization", "bitnetd"],
      swiftSettings: settings),
  ],
  cxxLanguageStandard: .cxx20
)
