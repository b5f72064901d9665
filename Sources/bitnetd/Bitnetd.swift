internal import ArgumentParser
internal import JobServer

/// The daemon. `bitnetd serve` runs it; the other commands look after its data folder.
@main
struct Bitnetd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bitnetd",
    abstract: "Distillation server: turns a language model into a 1.58-bit student.",
    version: ServerVersion.current,
    subcommands: [Serve.self, Backup.self, Check.self],
    defaultSubcommand: nil)
}
