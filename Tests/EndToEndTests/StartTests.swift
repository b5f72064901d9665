import Foundation
import Jobs
import Testing

struct StartTests {
  @Test func `a second daemon on a data folder ends with status 69 and says who has it`() throws {
    let folder = try TemporaryFolder()
    let first = try DaemonProcess(data: folder.data)
    let ended = #expect(throws: DaemonProcess.Ended.self) {
      _ = try DaemonProcess(data: folder.data)
    }
    #expect(ended?.status == 69)
    #expect(ended?.message.contains("in use") == true)
    #expect(try first.get("/v1/health").status == 200)
  }

  @Test func `a port in use ends with status 69`() throws {
    let folder = try TemporaryFolder()
    let first = try DaemonProcess(data: folder.data)
    let port = try #require(first.url.split(separator: ":").last)
    let other = try TemporaryFolder()
    let ended = #expect(throws: DaemonProcess.Ended.self) {
      _ = try DaemonProcess(data: other.data, arguments: ["--listen", "127.0.0.1:\(port)"])
    }
    #expect(ended?.status == 69)
    #expect(ended?.message.contains("in use") == true)
  }

  @Test func `an address that others reach needs a token`() throws {
    let folder = try TemporaryFolder()
    let ended = #expect(throws: DaemonProcess.Ended.self) {
      _ = try DaemonProcess(data: folder.data, arguments: ["--listen", "0.0.0.0:0"])
    }
    #expect(ended?.status == 78)
    #expect(ended?.message.contains("BITNET_API_TOKEN") == true)
  }

  @Test(arguments: [
    ("LR", "fast", "a number"), ("BATCH_SIZE", "0", "an integer"),
    ("PROVIDER", "openai", "local"), ("BITNET_LISTEN", "here", "HOST:PORT"),
  ])
  func `a wrong setting is named with what was expected`(
    name: String, value: String, expected: String
  ) throws {
    let folder = try TemporaryFolder()
    let ended = #expect(throws: DaemonProcess.Ended.self) {
      _ = try DaemonProcess(data: folder.data, environment: [name: value])
    }
    #expect(ended?.status == 78)
    #expect(ended?.message.contains("\(name)=\(value)") == true)
    #expect(ended?.message.contains(expected) == true)
  }

  @Test func `a file that is no database is refused and left as it is`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(at: folder.data, withIntermediateDirectories: true)
    let file = folder.data.appendingPathComponent("bitnet.sqlite")
    let content = Data("this is a letter, not a database; leave it alone, please".utf8)
    try content.write(to: file)
    let ended = #expect(throws: DaemonProcess.Ended.self) {
      _ = try DaemonProcess(data: folder.data)
    }
    #expect(ended?.status == 78 || ended?.status == 74)
    #expect(try Data(contentsOf: file) == content)
  }
}
