/* The methods of a socket and the functions that make sockets or take them. A table per file:
 * type.c joins the methods, module.c puts the functions into the modules. */
#ifndef CSOCK_EXT_METHODS_TABLES_H
#define CSOCK_EXT_METHODS_TABLES_H

#include "shared/python.h"

extern PyMethodDef sock_connect_methods[], sock_recv_methods[], sock_send_methods[];
extern PyMethodDef sock_option_methods[], sock_sendmsg_methods[], sock_recvmsg_methods[];

extern PyMethodDef socket_functions[], cmsg_functions[]; /* of csock._socket */
/* of csock._core */
extern PyMethodDef dup_functions[], sendfile_functions[], alive_functions[], stats_functions[];
extern PyMethodDef capture_functions[];

#endif
