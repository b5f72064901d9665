import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Checkpoints

struct AtomicFileTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  @Test func `a written file replaces the older one and leaves nothing aside`() throws {
    try AtomicFile.write(Data("old".utf8), to: folder["a"])
    try AtomicFile.write(Data("new".utf8), to: folder["a"])
    #expect(try Data(contentsOf: folder["a"]) == Data("new".utf8))
    #expect(try folder.names == ["a"])
  }

  @Test(arguments: [FileOperation.create, .write, .sync, .rename], [ENOSPC, EIO])
  func `whatever fails before the end, the older file stays whole`(
    operation: FileOperation, code: Int32
  ) throws {
    try AtomicFile.write(Data("old".utf8), to: folder["a"])
    let fault: FileFault = operation == .write ? .shortWrite(code) : .error(code)
    FileFailpoint.$check.withValue({ step, _ in step == operation ? fault : nil }) {
      #expect(throws: FileError.self) {
        try AtomicFile.write(Data("new and longer".utf8), to: folder["a"])
      }
    }
    #expect(try Data(contentsOf: folder["a"]) == Data("old".utf8))
    #expect(try folder.names == ["a"])
  }

  @Test func `a folder that cannot be flushed is reported although the file is there`() throws {
    FileFailpoint.$check.withValue({ step, _ in step == .syncFolder ? .error(EIO) : nil }) {
      #expect(throws: FileError(.syncFolder, path: folder.url.path, code: EIO)) {
        try AtomicFile.write(Data("new".utf8), to: folder["a"])
      }
    }
    #expect(try Data(contentsOf: folder["a"]) == Data("new".utf8))
  }

  @Test func `a full disk says so, by name and reason`() {
    let error = FileError(.write, path: "/x/model.safetensors", code: ENOSPC)
    #expect(error.isOutOfSpace)
    #expect(error.description == "cannot write /x/model.safetensors: No space left on device")
  }

  @Test func `a missing folder is an error that names the path`() {
    #expect(throws: FileError.self) {
      try AtomicFile.write(Data(), to: folder["nowhere/a"])
    }
  }

  @Test func `the folder is flushed after the rename, the file before it`() throws {
    let log = Mutex<[FileOperation]>([])
    try FileFailpoint.$check.withValue({ step, _ in
      log.withLock { $0.append(step) }
      return nil
    }) {
      try AtomicFile.write(Data("x".utf8), to: folder["a"])
    }
    #expect(log.withLock(\.self) == [.create, .write, .sync, .rename, .syncFolder])
  }

  @Test func `what a crash left aside is swept, and nothing else`() throws {
    try Data().write(to: folder[".unfinished-a-123"])
    try AtomicFile.write(Data("x".utf8), to: folder["a"])
    try AtomicFile.removeUnfinished(in: folder.url)
    #expect(try folder.names == ["a"])
  }
}
