internal import ArgumentParser
internal import Foundation
internal import JobServer
internal import Logging

/// `bitnetd serve`: runs until SIGTERM or SIGINT.
struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Run the server.")

  @Option(help: "Folder for the database and everything that jobs leave (DRIVE_ROOT).")
  var data: String?

  @Option(help: "HOST:PORT to listen on; port 0 takes a free one (BITNET_LISTEN).")
  var listen: String?

  @Option(help: "A .env file; the environment wins over it.")
  var env: String?

  func run() throws {
    let configuration = try read()
    LogOutput.bootstrap(level: configuration.logLevel)
    let logger = Logger(label: "bitnetd")
    if !configuration.unknownNames.isEmpty {
      logger.notice(
        "settings without a meaning here",
        metadata: ["names": "\(configuration.unknownNames.joined(separator: " "))"])
    }
    do {
      let daemon = try Daemon(configuration, logger: logger)
      FileHandle.standardOutput.write(Data("listening on \(daemon.url)\n".utf8))
      daemon.runUntilSignalled()
    } catch let error as DaemonError {
      throw Exit.failure("\(error)", status: error.exitStatus)
    }
  }

  private func read() throws -> ServerConfiguration {
    do {
      var configuration = try ServerConfiguration(
        environment: ProcessInfo.processInfo.environment, envFile: env)
      if let data { configuration.dataFolder = data }
      if let listen {
        (configuration.host, configuration.port) = try ServerConfiguration.address(listen)
      }
      return configuration
    } catch {
      throw Exit.failure("\(error)", status: DaemonError.configuration)
    }
  }
}

/// Ends the program with one line on standard error.
enum Exit {
  static func failure(_ message: String, status: Int32) -> ExitCode {
    FileHandle.standardError.write(Data("bitnetd: \(message)\n".utf8))
    return ExitCode(status)
  }
}
