import Foundation
import JobAPI
import JobServer
import Testing

/// `.env.example` against the table of settings: what a user copies must be all there is, and true.
struct EnvironmentExampleTests {
  /// `#filePath` is `ROOT/Tests/JobServerTests/EnvironmentExampleTests.swift`.
  private static let path = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: ".env.example").path

  /// One `NAME=value` line, commented out or not.
  private struct Entry {
    let name: String
    let value: String
    let isCommentedOut: Bool
    /// The line above it.
    let comment: String
  }

  private let entries: [Entry]

  init() throws {
    let text = try String(contentsOfFile: Self.path, encoding: .utf8)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    entries = lines.indices.compactMap { index in
      let isCommentedOut = lines[index].hasPrefix("#")
      let parts = lines[index].dropFirst(isCommentedOut ? 1 : 0)
        .split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      // A sentence that mentions a setting has a space before it; a setting has none.
      guard parts.count == 2, !parts[0].isEmpty,
        parts[0].allSatisfy({ Self.nameCharacters.contains($0) })
      else {
        return nil
      }
      return Entry(
        name: String(parts[0]), value: String(parts[1]), isCommentedOut: isCommentedOut,
        comment: index > 0 ? String(lines[index - 1]) : "")
    }
  }

  private static let nameCharacters = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")

  @Test func `every setting stands there once, in the table's order, and no other does`() {
    #expect(entries.map(\.name) == Setting.all.map(\.name))
  }

  @Test func `the line above a setting is its summary`() {
    for setting in Setting.all {
      let entry = entries.first { $0.name == setting.name }
      #expect(entry?.comment == "# " + setting.summary, "\(setting.name)")
    }
  }

  @Test func `the daemon's settings show what holds without them, job defaults are commented out`()
  {
    for setting in Setting.server {
      let entry = entries.first { $0.name == setting.name }
      #expect(entry?.isCommentedOut == false, "\(setting.name)")
      #expect(entry?.value == setting.fallback, "\(setting.name)")
    }
    for setting in Setting.jobDefaults {
      let entry = entries.first { $0.name == setting.name }
      #expect(entry?.isCommentedOut == true, "\(setting.name)")
    }
  }

  @Test func `the file as it is changes nothing`() throws {
    let ours = try ServerConfiguration(environment: [:], envFile: Self.path)
    let bare = try ServerConfiguration(environment: [:], envFile: nil)
    #expect(ours.unknownNames.isEmpty)
    #expect(ours.host == bare.host)
    #expect(ours.port == bare.port)
    #expect(ours.dataFolder == bare.dataFolder)
    #expect(ours.rcloneRemote == nil)
    #expect(ours.apiToken == nil)
    #expect(ours.corpusRoots.isEmpty)
    #expect(ours.specDefaults == SpecDefaults())
  }

  @Test func `the values shown for job defaults are those that specs have without them`() throws {
    let text = entries.map { "\($0.name)=\($0.value)" }.joined(separator: "\n")
    let configuration = try withTemporaryFile(text) {
      try ServerConfiguration(environment: [:], envFile: $0)
    }
    #expect(configuration.specDefaults == SpecDefaults())
    let unshown = entries.filter { $0.isCommentedOut && $0.value.isEmpty }.map(\.name)
    #expect(unshown == ["TEACHER_MODEL", "BUDGET_TOKENS"], "these have no default to show")
  }
}
