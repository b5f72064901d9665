import Foundation
import Testing

@testable import JobServer

struct DataFolderTests {
  @Test(arguments: ["/srv/data/jobs/job_1/model", "/home/someone/model"])
  func `What a record names is found again, inside the folder and outside`(path: String) {
    let folder = DataFolder(root: "/srv/data")
    let recorded = folder.relativePath(URL(fileURLWithPath: path))
    #expect(recorded.hasPrefix("/") == path.hasPrefix("/home"))
    #expect(folder.url(recorded).path == path)
  }
}
