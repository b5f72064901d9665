import ArtifactStore
import Foundation
import Testing

/// What every kind of store must do.
struct ArtifactStoreTests {
  enum Kind: CaseIterable, CustomTestStringConvertible {
    case local, rclone

    var testDescription: String { "\(self)" }

    /// rclone is tested where it is installed.
    static let available = allCases.filter { kind in
      kind == .local
        || FileManager.default.isExecutableFile(atPath: "/usr/bin/rclone")
        || FileManager.default.isExecutableFile(atPath: "/usr/local/bin/rclone")
    }
  }

  let folder = NSTemporaryDirectory() + "bitnet-" + UUID().uuidString

  private func withStore(_ kind: Kind, _ body: (any ArtifactStore) throws -> Void) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    switch kind {
    case .local: try body(LocalArtifactStore(root: folder + "/root"))
    case .rclone:
      try body(
        RcloneArtifactStore(remote: ":local:\(folder)/remote", root: folder + "/cache"))
    }
  }

  static let emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

  @Test(arguments: Kind.available)
  func `a file that was put is there, listed and verified`(kind: Kind) throws {
    try withStore(kind) { store in
      #expect(
        try store.put([], at: "jobs/a/empty")
          == StoredFile(path: "jobs/a/empty", bytes: 0, sha256: Self.emptySHA256))
      _ = try store.put(Array("one".utf8), at: "jobs/a/report.json")
      let second = try store.put(Array("two!".utf8), at: "jobs/a/report.json")
      #expect(second.bytes == 4)
      let path = try store.localPath(of: "jobs/a/report.json")
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "two!")
      #expect(
        try store.list("jobs") == [
          ListedFile(path: "jobs/a/empty", bytes: 0),
          ListedFile(path: "jobs/a/report.json", bytes: 4),
        ])
      #expect(try store.list("jobs/a/report.json").map(\.path) == ["jobs/a/report.json"])
      #expect(try store.list("") == store.list("jobs"))
      #expect(try store.list("elsewhere") == [])
      try store.verify("jobs/a/report.json", bytes: 4, sha256: second.sha256)
      #expect(
        throws: ArtifactError.changed(
          path: "jobs/a/report.json", found: "4 bytes", expected: "5 bytes")
      ) { try store.verify("jobs/a/report.json", bytes: 5, sha256: second.sha256) }
      #expect(
        throws: ArtifactError.changed(
          path: "jobs/a/report.json", found: second.sha256, expected: Self.emptySHA256)
      ) { try store.verify("jobs/a/report.json", bytes: 4, sha256: Self.emptySHA256) }
    }
  }

  @Test(arguments: Kind.available)
  func `a file that a job wrote in place is taken over, a folder with all in it`(kind: Kind) throws
  {
    try withStore(kind) { store in
      let checkpoint = store.root + "/checkpoints/step_1"
      try FileManager.default.createDirectory(
        atPath: checkpoint, withIntermediateDirectories: true)
      try Data("w".utf8).write(to: URL(fileURLWithPath: checkpoint + "/model.safetensors"))
      try Data("h".utf8).write(to: URL(fileURLWithPath: checkpoint + "/health.json"))
      try Data("?".utf8).write(to: URL(fileURLWithPath: checkpoint + "/other.part"))
      #expect(
        try store.publish("checkpoints").map(\.path) == [
          "checkpoints/step_1/health.json", "checkpoints/step_1/model.safetensors",
        ])
      #expect(try store.publish("checkpoints/step_1/health.json").map(\.bytes) == [1])
      #expect(throws: ArtifactError.notFound("missing")) { try store.publish("missing") }
    }
  }

  @Test(arguments: Kind.available)
  func `a file from elsewhere is moved to its place`(kind: Kind) throws {
    try withStore(kind) { store in
      let elsewhere = folder + "/elsewhere"
      try Data("content".utf8).write(to: URL(fileURLWithPath: elsewhere))
      #expect(try store.put(file: elsewhere, at: "a/b").bytes == 7)
      #expect(!FileManager.default.fileExists(atPath: elsewhere))
      #expect(try store.list("").map(\.path) == ["a/b"])
    }
  }

  @Test(arguments: Kind.available)
  func `what is deleted is gone, and may be deleted again`(kind: Kind) throws {
    try withStore(kind) { store in
      _ = try store.put([1], at: "a/b")
      _ = try store.put([1], at: "a/c/d")
      try store.delete("a/c")
      #expect(try store.list("").map(\.path) == ["a/b"])
      try store.delete("a")
      try store.delete("a")
      #expect(try store.list("") == [])
      #expect(throws: ArtifactError.notFound("a/b")) { try store.localPath(of: "a/b") }
      #expect(try store.freeBytes() ?? 1 > 0)
    }
  }

  @Test(arguments: [
    "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", "./a", "a\u{0}b", "a\nb", "a\\b",
    String(repeating: "x", count: 256), String(repeating: "a/", count: 600) + "a", "a.part",
  ])
  func `a path cannot lead out of the root`(path: String) throws {
    try withStore(.local) { store in
      func isRefused(_ body: () throws -> Void) -> Bool {
        do {
          try body()
          return false
        } catch ArtifactError.badPath(path, _) {
          return true
        } catch {
          return false
        }
      }
      #expect(isRefused { _ = try store.put([1], at: path) })
      #expect(isRefused { _ = try store.localPath(of: path) })
      #expect(isRefused { _ = try store.list(path) })
      #expect(isRefused { try store.delete(path) })
    }
  }

  @Test func `a link cannot lead out of the root`() throws {
    try withStore(.local) { store in
      try FileManager.default.createSymbolicLink(
        atPath: store.root + "/link", withDestinationPath: NSTemporaryDirectory())
      let refusal = ArtifactError.badPath("link/x", reason: "a link leads out of the root")
      #expect(throws: refusal) { try store.put([1], at: "link/x") }
      #expect(throws: refusal) { try store.localPath(of: "link/x") }
      #expect(throws: refusal) { try store.delete("link/x") }
    }
  }

  @Test func `the root itself is neither written nor deleted`() throws {
    try withStore(.local) { store in
      #expect(throws: ArtifactError.badPath("", reason: "it names no file")) {
        try store.put([1], at: "")
      }
      #expect(throws: ArtifactError.badPath("", reason: "the root is not to be deleted")) {
        try store.delete("")
      }
    }
  }

  @Test func `a write that fails leaves what was there before`() throws {
    try withStore(.local) { store in
      _ = try store.put([1, 2], at: "a/file")
      #expect(throws: ArtifactError.self) { try store.put([3], at: "a/file/below") }
      #expect(throws: ArtifactError.notFound("b")) {
        try store.put(file: folder + "/missing", at: "b")
      }
      #expect(try store.list("") == [ListedFile(path: "a/file", bytes: 2)])
    }
  }

  @Test func `a remote fetches what is only there`() throws {
    guard Kind.available.contains(.rclone) else { return }
    try withStore(.rclone) { store in
      _ = try store.put(Array("far".utf8), at: "x/y")
      try FileManager.default.removeItem(atPath: store.root + "/x")
      let path = try store.localPath(of: "x/y")
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "far")
    }
  }

  @Test func `a missing rclone, and a name that is no remote, are said`() {
    #expect(throws: ArtifactError.remoteFailed("rclone is not installed")) {
      try RcloneArtifactStore(remote: "x:", root: folder, program: "rclone-that-is-not-there")
    }
    #expect(throws: ArtifactError.self) { try RcloneArtifactStore(remote: "x", root: folder) }
  }
}
