// Runs the tokenizers and chat templates for bench/compare_tokenizers.py, which compares them with Hugging
// Face's on the same input and measures both.
import ArgumentParser

struct BenchTokenizers: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs tokenizers and chat templates for bench/compare_tokenizers.py.",
    subcommands: [EncodeCommand.self, SpeedCommand.self, ChatCommand.self])
}

BenchTokenizers.main()
