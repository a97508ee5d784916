/*
 * /proc/net: there are no interfaces and no sockets of the internet, so all tables but that of
 * local sockets are empty.
 */
#include "net/socket.h"
#include "process/namespaces.h"
#include "procfs/procfs_internal.h"

#define TABLE(function, header)                                                                \
    static void function(struct proc_output *output, const struct proc_subject *subject)       \
    {                                                                                          \
        (void)subject;                                                                         \
        proc_print(output, "%s", header);                                                      \
    }
TABLE(write_interfaces,
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|"
      "bytes    packets errs drop fifo colls carrier compressed\n")
TABLE(write_stream_sockets,
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode                                                     \n")
TABLE(write_stream_sockets_6,
      "  sl  local_address                         remote_address                        "
      "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n")
TABLE(write_datagram_sockets,
      "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
      "inode ref pointer drops             \n")
TABLE(write_datagram_sockets_6,
      "  sl  local_address                         remote_address                        "
      "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n")
TABLE(write_routes,
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
      "                                                       \n")
TABLE(write_addresses,
      "IP address       HW type     Flags       HW address            Mask     Device\n")
TABLE(write_kernel_sockets,
      "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n")
TABLE(write_packet_sockets,
      "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n")
TABLE(write_nothing, "")

static void print_socket(const struct socket_view *view, void *context)
{
    struct proc_output *output = context;
    uint32_t length = view->name.length;

    proc_print(output, "%016llx: %08X %08X %08X %04X %02X %5llu", (unsigned long long)view->id,
               view->references, 0, view->flags, view->type, view->state,
               (unsigned long long)view->inode_number);

    if (length > 0 && view->name.bytes[0])
        length--;    /* the NUL at the end of a path; abstract names begin with one */
    if (length > 0)
        proc_print(output, " ");
    for (uint32_t i = 0; i < length; i++)
        proc_put(output, view->name.bytes[i] ? &view->name.bytes[i] : "@", 1);
    proc_print(output, "\n");
}

static void write_local_sockets(struct proc_output *output, const struct proc_subject *subject)
{
    proc_print(output, "Num       RefCount Protocol Flags    Type St Inode Path\n");
    socket_for_each(
        process_namespace_number(subject->process, subject->thread, NAMESPACE_NETWORK),
        print_socket, output);
}

const struct proc_entry proc_network_entries[] = {
    ENTRY_TEXT("dev", write_interfaces), ENTRY_TEXT("tcp", write_stream_sockets),
    ENTRY_TEXT("tcp6", write_stream_sockets_6), ENTRY_TEXT("udp", write_datagram_sockets),
    ENTRY_TEXT("udp6", write_datagram_sockets_6), ENTRY_TEXT("raw", write_datagram_sockets),
    ENTRY_TEXT("raw6", write_datagram_sockets_6), ENTRY_TEXT("unix", write_local_sockets),
    ENTRY_TEXT("netlink", write_kernel_sockets), ENTRY_TEXT("packet", write_packet_sockets),
    ENTRY_TEXT("route", write_routes), ENTRY_TEXT("arp", write_addresses),
    ENTRY_TEXT("if_inet6", write_nothing), ENTRY_TEXT("ipv6_route", write_nothing), ENTRY_END,
};
