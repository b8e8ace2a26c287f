using System.Net;
using System.Net.Sockets;

namespace KvmAgent.Network;

/// <summary>
/// What the pod's resolv.conf(5) says that a guest can use: all of its name servers and its search list. A bad entry costs a
/// warning, never the VM: the kubelet copies whatever the node or <c>dnsConfig</c> has into it.
/// </summary>
internal sealed record ResolvConf(IReadOnlyList<IPAddress> Nameservers, IReadOnlyList<string> Search, IReadOnlyList<string> Warnings)
{
    public static ResolvConf Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path));
        }
        catch (IOException e)
        {
            return new ResolvConf([], [], [$"{path} cannot be read ({e.Message}): the guest gets no name servers"]);
        }
    }

    public static ResolvConf Parse(string text)
    {
        var nameservers = new List<IPAddress>();
        var search = new List<string>();
        var warnings = new List<string>();
        foreach (var line in text.Split('\n'))
        {
            // A keyword counts only at the start of its line; the last of several search and domain lines wins (resolv.conf(5)).
            var words = line.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            switch (line.Length == 0 || char.IsWhiteSpace(line[0]) ? null : words[0])
            {
                case "nameserver" when words.Length > 1:
                    AddNameserver(words[1], nameservers, warnings);
                    break;
                case "search":
                    SetSearch(words.Skip(1), search, warnings);
                    break;
                case "domain":
                    SetSearch(words.Skip(1).Take(1), search, warnings);
                    break;
            }
        }

        return new ResolvConf(nameservers, search, warnings);
    }

    private static void AddNameserver(string word, List<IPAddress> nameservers, List<string> warnings)
    {
        if (!IPAddress.TryParse(word, out var address) || (address.AddressFamily == AddressFamily.InterNetwork && address.ToString() != word))
        {
            warnings.Add($"resolv.conf: name server {word} is left out: it is not an IP address");
            return;
        }

        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        if (IPAddress.IsLoopback(address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
        {
            warnings.Add($"resolv.conf: name server {word} is left out: it is the pod's own, out of the guest's reach");
        }
        else if (address.IsIPv6LinkLocal || address.IsIPv6Multicast)
        {
            warnings.Add($"resolv.conf: name server {word} is left out: it is known on the pod's link only, out of the guest's reach");
        }
        else if (!nameservers.Contains(address))
        {
            nameservers.Add(address);
        }
    }

    private static void SetSearch(IEnumerable<string> words, List<string> search, List<string> warnings)
    {
        search.Clear();
        foreach (var word in words.Where(word => word != "."))
        {
            if (DomainName.Normalise(word) is not { } name)
            {
                warnings.Add($"resolv.conf: search domain {word} is left out: it is not a domain name");
            }
            else if (!search.Contains(name))
            {
                search.Add(name);
            }
        }
    }
}
