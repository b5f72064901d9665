internal import ArgumentParser

/// Measures hosted teachers on the loopback (bench/hosted.sh).
@main
struct BenchHosted: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "BenchHosted",
    abstract: "A teacher on the loopback that repeats recorded replies, and collections from it.",
    subcommands: [Serve.self, Collect.self])
}
