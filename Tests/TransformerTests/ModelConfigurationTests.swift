import Foundation
import Testing
import Transformer

struct ModelConfigurationTests {
  @Test func `every preset is valid`() throws {
    for name in ModelConfiguration.presetNames {
      let preset = try #require(ModelConfiguration.preset(name), "no preset \(name)")
      #expect(throws: Never.self, "\(name)") { try preset.validated() }
    }
  }
}
