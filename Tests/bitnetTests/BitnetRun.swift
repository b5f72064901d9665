import Foundation

/// One run of the built executable.
struct BitnetRun {
  var status: Int32
  var output: String
  var errors: String

  /// Where standard error goes.
  enum Errors { case pipe, terminal }

  /// - Parameters:
  ///   - url: of the server; nil leaves BITNET_URL unset.
  ///   - token: of BITNET_TOKEN.
  init(
    _ arguments: [String], url: String? = nil, token: String? = nil, input: String = "",
    errors errorsKind: Errors = .pipe
  ) throws {
    let process = Process()
    // The tests' own bundle lies beside the programs.
    process.executableURL = URL(filePath: ProcessInfo.processInfo.arguments[0])
      .deletingLastPathComponent().appending(path: "bitnet")
    process.arguments = arguments
    process.environment = ["PATH": "/usr/bin:/bin", "BITNET_URL": url, "BITNET_TOKEN": token]
      .compactMapValues { $0 }
    let (outputPipe, errorPipe, inputPipe) = (Pipe(), Pipe(), Pipe())
    let terminal = try errorsKind == .terminal ? PseudoTerminal() : nil
    process.standardOutput = outputPipe
    process.standardError = terminal?.side ?? errorPipe.fileHandleForWriting
    process.standardInput = inputPipe
    try process.run()
    try inputPipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try inputPipe.fileHandleForWriting.close()
    try errorPipe.fileHandleForWriting.close()
    try terminal?.side.close()
    let outputBytes = try outputPipe.fileHandleForReading.readToEnd() ?? Data()
    let errorBytes =
      try terminal?.readToEnd() ?? errorPipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    status = process.terminationStatus
    output = String(decoding: outputBytes, as: UTF8.self)
    errors = String(decoding: errorBytes, as: UTF8.self)
  }
}

/// A terminal of 100 columns that only this process sees.
private struct PseudoTerminal {
  let side: FileHandle
  private let controller: FileHandle

  init() throws {
    // What posix_openpt and its kin do; Glibc's module hides those.
    let descriptor = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var locked: Int32 = 0
    let (setLock, getPeer): (UInt, UInt) = (0x4004_5431, 0x5441)
    guard descriptor >= 0, ioctl(descriptor, setLock, &locked) == 0 else {
      throw POSIXError(.ENXIO)
    }
    let other = ioctl(descriptor, getPeer, O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard other >= 0 else { throw POSIXError(.ENXIO) }
    var size = winsize(ws_row: 24, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(other, UInt(TIOCSWINSZ), &size)
    controller = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    side = FileHandle(fileDescriptor: other, closeOnDealloc: true)
  }

  /// Linux ends a terminal whose other side is closed with an error, not with an end.
  func readToEnd() -> Data {
    var all = Data()
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(controller.fileDescriptor, &buffer, buffer.count)
      guard count > 0 else { return all }
      all.append(contentsOf: buffer[..<count])
    }
  }
}
