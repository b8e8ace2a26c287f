using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace KvmAgent.Coordinator.Imports.Uploads;

/// <summary>What a token lets somebody do: send the image of one claim, for a few minutes.</summary>
/// <param name="Uid">Of the claim: one of the same name that is made later is another.</param>
/// <param name="Expires">Unix time, in seconds.</param>
internal sealed record UploadGrant(string Namespace, string Name, string Uid, long Expires);

/// <summary>Tokens for uploads, made by one replica and good at all: <c>PAYLOAD.MAC</c> in base64url. Nothing is kept of them.</summary>
/// <param name="secret">Known to the coordinator's replicas alone; asked for each time, as it may be another one day.</param>
internal sealed class UploadTokens(Func<byte[]> secret, TimeProvider time)
{
    /// <summary>As CDI has it: an upload must have begun by then.</summary>
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    private const int Longest = 4096;

    public string Issue(ClaimKey claim, string uid)
    {
        var payload = Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(
            new UploadGrant(claim.Namespace, claim.Name, uid, (time.GetUtcNow() + Lifetime).ToUnixTimeSeconds()), UploadJson.Default.UploadGrant));
        return $"{payload}.{Base64Url.EncodeToString(Mac(payload))}";
    }

    /// <returns>Null where it is none of ours, or has expired.</returns>
    public UploadGrant? Read(string token)
    {
        if (token.Length > Longest || token.Split('.') is not [var payload, var mac])
        {
            return null;
        }

        try
        {
            return CryptographicOperations.FixedTimeEquals(Base64Url.DecodeFromChars(mac), Mac(payload))
                && JsonSerializer.Deserialize(Base64Url.DecodeFromChars(payload), UploadJson.Default.UploadGrant) is { } grant
                && time.GetUtcNow().ToUnixTimeSeconds() < grant.Expires ? grant : null;
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return null;
        }
    }

    private byte[] Mac(string payload) => HMACSHA256.HashData(secret(), System.Text.Encoding.ASCII.GetBytes($"upload {payload}"));
}

[JsonSerializable(typeof(UploadGrant))]
internal sealed partial class UploadJson : JsonSerializerContext;
