/// Replies as servers write them, shortened: the shapes were taken from their documentation and
/// sources, names and numbers are made up.
enum ReplyShapes {
  static let openAIChat = """
    {"id":"chatcmpl-B1","object":"chat.completion","created":1741569952,"model":"gpt-4.1-mini",
     "choices":[{"index":0,"message":{"role":"assistant","content":"Hi é","refusal":null,
       "annotations":[]},
       "logprobs":{"content":[
         {"token":"Hi","logprob":-0.25,"bytes":[72,105],"top_logprobs":[
           {"token":"Hi","logprob":-0.25,"bytes":[72,105]},
           {"token":"Hello","logprob":-1.75,"bytes":[72,101,108,108,111]}]},
         {"token":"\\\\x20\\\\xc3","logprob":-0.5,"bytes":[32,195],"top_logprobs":[
           {"token":"\\\\x20\\\\xc3","logprob":-0.5,"bytes":[32,195]},
           {"token":" e","logprob":-9999.0,"bytes":[32,101]}]},
         {"token":"\\\\xa9","logprob":0.0,"bytes":[169],"top_logprobs":[
           {"token":"\\\\xa9","logprob":0.0,"bytes":[169]},
           {"token":"!","logprob":-9999.0,"bytes":[33]}]}],"refusal":null},
       "finish_reason":"stop"}],
     "usage":{"prompt_tokens":19,"completion_tokens":3,"total_tokens":22,
       "completion_tokens_details":{"reasoning_tokens":0}},
     "service_tier":"default","system_fingerprint":"fp_44709d6fcb"}
    """

  /// llama.cpp gives ids, and the end of the turn is a token without text.
  static let llamaCpp = """
    {"choices":[{"text":"Hi there","index":0,"logprobs":{"content":[
       {"id":13048,"token":"Hi","bytes":[72,105],"logprob":-0.1,"top_logprobs":[
         {"id":13048,"token":"Hi","bytes":[72,105],"logprob":-0.1},
         {"id":9707,"token":"Hello","bytes":[72,101,108,108,111],"logprob":-2.5}]},
       {"id":1052,"token":" there","bytes":[32,116,104,101,114,101],"logprob":-0.3,"top_logprobs":[
         {"id":1052,"token":" there","bytes":[32,116,104,101,114,101],"logprob":-0.3},
         {"id":0,"token":"!","bytes":[33],"logprob":-1.6}]},
       {"id":151645,"token":"","bytes":[],"logprob":-0.01,"top_logprobs":[
         {"id":151645,"token":"","bytes":[],"logprob":-0.01},
         {"id":0,"token":"!","bytes":[33],"logprob":-5.0}]}]},
       "finish_reason":"stop"}],"created":1,"model":"qwen","system_fingerprint":"b4567-abc",
     "object":"text_completion","usage":{"completion_tokens":3,"prompt_tokens":5,"total_tokens":8},
     "id":"cmpl-1","timings":{"prompt_n":5,"predicted_per_second":91.5}}
    """

  /// vLLM on the completions route: dictionaries of texts; a character in two tokens loses bytes.
  static let vllmCompletions = """
    {"id":"cmpl-2","object":"text_completion","created":1,"model":"Qwen/Qwen3-0.6B","choices":[
      {"index":0,"text":" an €!","logprobs":{"text_offset":[0,3,4,5],
        "token_logprobs":[-0.5,-1.0,-0.125,-0.75],
        "tokens":[" an"," \\uFFFD","\\uFFFD","!"],
        "top_logprobs":[{" an":-0.5," the":-1.0},{" \\uFFFD":-1.0," a":-1.5},{"\\uFFFD":-0.125},
          {"!":-0.75,".":-0.85}]},
       "finish_reason":"length","stop_reason":null,"prompt_logprobs":null}],
     "usage":{"prompt_tokens":4,"total_tokens":8,"completion_tokens":4}}
    """

  /// The same route with `echo`: the prompt's tokens first, the first without a log-probability.
  static let vllmEcho = """
    {"id":"cmpl-3","object":"text_completion","model":"m","choices":[{"index":0,
      "text":"The sea is","logprobs":{"text_offset":[0,3,7],"token_logprobs":[null,-2.0,-0.5],
      "tokens":["The"," sea"," is"],
      "top_logprobs":[null,{" sea":-2.0," cat":-1.0},{" is":-0.5,"!":-3.0}]},
      "finish_reason":"length"}],"usage":{"prompt_tokens":2,"completion_tokens":1}}
    """

  static let openAIStream = """
    data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4.1-mini","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}

    data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4.1-mini","choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":{"content":[{"token":"Hi","logprob":-0.25,"bytes":[72,105],"top_logprobs":[{"token":"Hi","logprob":-0.25,"bytes":[72,105]},{"token":"Yo","logprob":-2.5,"bytes":[89,111]}]}]},"finish_reason":null}],"usage":null}

    : keep-alive

    data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4.1-mini","choices":[{"index":0,"delta":{"content":"!"},"logprobs":{"content":[{"token":"!","logprob":-0.5,"bytes":[33],"top_logprobs":[{"token":"!","logprob":-0.5,"bytes":[33]},{"token":".","logprob":-1.0,"bytes":[46]}]}]},"finish_reason":null}],"usage":null}

    data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4.1-mini","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}

    data: {"id":"c","object":"chat.completion.chunk","model":"gpt-4.1-mini","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}

    data: [DONE]


    """

  /// vLLM with `return_tokens_as_token_ids`.
  static let tokenIDs = """
    {"model":"m","choices":[{"text":"ab","logprobs":{"tokens":["token_id:7","token_id:8"],
     "token_logprobs":[-0.1,-0.2],"top_logprobs":[{"token_id:7":-0.1,"token_id:9":-2.5},
     {"token_id:8":-0.2,"token_id:9":-2.0}],"text_offset":[0,1]},"finish_reason":"stop"}]}
    """

  static let openRouterFault = """
    {"error":{"message":"Provider returned error","code":502,"metadata":{"provider_name":"X"}}}
    """
}
