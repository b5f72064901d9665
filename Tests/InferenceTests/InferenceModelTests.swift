import Inference
import Kernels
import Testing
import Transformer

struct InferenceModelTests {
  let team = ComputeTeam(threadCount: 2)

  @Test(arguments: Fixture.allCases, DenseWeights.Storage.allCases)
  func `the bytes of a model are known before it is made`(
    fixture: Fixture, storage: DenseWeights.Storage
  ) throws {
    let configuration = fixture.configuration
    let model = try InferenceModel(
      configuration: configuration, parameters: fixture.parameters(), storage: storage, team: team)
    #expect(model.bytes == ModelBytes(predicting: configuration, storage: storage))
    let random = try InferenceModel.random(
      configuration: configuration, seed: 1, embeddings: storage, team: team)
    #expect(random.bytes == ModelBytes(predicting: configuration, embeddings: storage))
  }

  @Test func `the seven billion fit in two gibibytes`() throws {
    let configuration = try #require(ModelConfiguration.preset("7b"))
    let bytes = ModelBytes(predicting: configuration, storage: .bf16)
    let session = SessionBytes(
      predicting: configuration, maximumSequences: 1, maximumLength: 512)
    #expect(bytes.total + session.total < 2_400 << 20)
  }

  @Test(arguments: Fixture.allCases)
  func `a random model gives finite logits that differ by token`(fixture: Fixture) throws {
    let configuration = fixture.configuration
    let model = try InferenceModel.random(configuration: configuration, seed: 7, team: team)
    let session = InferenceSession(model: model, maximumSequences: 1, maximumLength: 32, team: team)
    let a = Array(try session.prefill([1, 2, 3], sequence: 0))
    let b = Array(try session.prefill([4], sequence: 0))
    let isFinite = (a + b).allSatisfy(\.isFinite)
    #expect(isFinite)
    #expect(a != b)
  }

  @Test func `a configuration that cannot be is refused`() {
    var configuration = Fixture.llama.configuration
    configuration.numKeyValueHeads = 3
    #expect(throws: ModelConfigurationError.self) {
      _ = try InferenceModel.random(configuration: configuration, seed: 1)
    }
  }
}
