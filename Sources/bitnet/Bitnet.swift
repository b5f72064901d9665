internal import ArgumentParser
internal import Foundation

/// The client. All but `tokenizer` speak to a daemon through its HTTP API and nothing else.
@main
struct Bitnet: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bitnet",
    abstract: "Distil language models with a bitnetd server.",
    discussion: """
      The server is the one of --url, else of BITNET_URL, else http://127.0.0.1:8080. \
      BITNET_TOKEN is sent along where the server asks for a token.

      Exit status: 0 done, 1 the job failed, 2 usage, 3 server not reached, 4 refused by the server.
      """,
    subcommands: [
      Submit.self, Jobs.self, Show.self, Watch.self, Logs.self, Metrics.self, Cancel.self,
      Retry.self, Pipeline.self, Traces.self, Teachers.self, Models.self, Generate.self,
      Export.self, Health.self, TokenizerCommand.self,
    ])

  /// ArgumentParser's own exit status for usage is 64; ours is 2, as in most programs of this kind.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as Failure {
      Terminal.printError(failure.text)
      Foundation.exit(failure.status.rawValue)
    } catch let error as Failure.Silent {
      Foundation.exit(error.status.rawValue)
    } catch {
      let code = exitCode(for: error)
      if code == .success { exit(withError: error) }
      Terminal.printError(fullMessage(for: error))
      Foundation.exit(Failure.Status.usage.rawValue)
    }
  }
}
