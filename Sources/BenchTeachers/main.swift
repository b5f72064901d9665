import ArgumentParser

/// Measures a local teacher's scoring and the traces' Parquet; see bench/teachers.sh.
struct BenchTeachers: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure a local teacher's scoring, and the writing and reading of traces.",
    subcommands: [ModelCommand.self, ScoringCommand.self, ParquetCommand.self])
}

BenchTeachers.main()
