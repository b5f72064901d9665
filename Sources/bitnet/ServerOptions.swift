internal import ArgumentParser
internal import Foundation

/// What every command that speaks to a server takes.
struct ServerOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The server's address.", valueName: "url"))
  var url: String?

  @Flag(help: "Print JSON, for scripts.")
  var json = false

  /// The server that the options and the environment name.
  var server: Server {
    let environment = ProcessInfo.processInfo.environment
    return Server(
      url: url ?? environment["BITNET_URL"].flatMap { $0.isEmpty ? nil : $0 }
        ?? "http://127.0.0.1:8080",
      token: environment["BITNET_TOKEN"].flatMap { $0.isEmpty ? nil : $0 },
      problemsAsJSON: json)
  }
}
