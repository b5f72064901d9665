internal import ArgumentParser
internal import Foundation
internal import JobServer

/// `bitnetd backup FILE`: a verified copy of the database, of a daemon that does not run.
struct Backup: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Copy the database of a stopped daemon to a file, and verify the copy.")

  @Option(help: "The data folder (DRIVE_ROOT).")
  var data: String?

  @Argument(help: "The file to write; it must not exist.")
  var file: String

  func run() throws {
    do {
      let bytes = try DataUpkeep(dataFolder: data ?? DataUpkeep.defaultFolder).backUp(to: file)
      print("\(file): \(bytes) bytes, verified")
    } catch let error as DaemonError {
      throw Exit.failure("\(error)", status: error.exitStatus)
    }
  }
}

/// `bitnetd check`: the database, and every artifact against its sum.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check the database and every artifact of a stopped daemon.")

  @Option(help: "The data folder (DRIVE_ROOT).")
  var data: String?

  func run() throws {
    do {
      let upkeep = DataUpkeep(dataFolder: data ?? DataUpkeep.defaultFolder)
      let problems = try upkeep.check()
      for problem in problems { print(problem) }
      guard problems.isEmpty else {
        throw Exit.failure("\(problems.count) problems", status: 74)
      }
      print("ok")
    } catch let error as DaemonError {
      throw Exit.failure("\(error)", status: error.exitStatus)
    }
  }
}
