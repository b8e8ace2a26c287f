using System.Text.Json;

namespace KvmAgent.Contracts.Link;

/// <summary>An error that JSON-RPC carries to the other end, or brought from there.</summary>
/// <param name="code">One of <see cref="LinkErrors"/>.</param>
/// <param name="message">For people.</param>
public sealed class JsonRpcException(int code, string message) : Exception(message)
{
    public int Code { get; } = code;
}

/// <summary>Answers a request. Fails with <see cref="JsonRpcException"/>, or <see cref="JsonException"/> where parameters are wrong.</summary>
public delegate Task<JsonElement> JsonRpcHandler(string method, JsonElement parameters, CancellationToken cancel);
